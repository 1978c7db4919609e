"""The front door at the end: HAProxy passes on what the replicas have answered already.

Megabytes of an answer lie in buffers before it while a slow client takes them.
"""

import asyncio
import csv
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from serve_graph.flags import SOCKET

POLL_S = 0.1
ANSWER_S = 2.0  # HAProxy's, to a question on its socket


async def wait_for_clients() -> None:
    """Returns when no HAProxy of this machine passes an answer on; at once where there is none."""
    while sum(await asyncio.gather(*(_requests_in(one) for one in _sockets()))):
        await asyncio.sleep(POLL_S)


def _sockets() -> list[Path]:
    """Ray keeps each node's in a folder of its own."""
    wanted = os.environ.get(SOCKET)
    if wanted is None:
        return []
    path = Path(wanted)
    return list(path.parent.glob(f"*/{path.name}"))


async def _requests_in(path: Path) -> int:
    with suppress(OSError, TimeoutError):  # it ended, or doesn't answer: nothing to wait for
        async with asyncio.timeout(ANSWER_S):
            reader, writer = await asyncio.open_unix_connection(path)
            try:
                writer.write(b"show stat\n")
                return requests_in((await reader.read()).decode().splitlines())
            finally:
                writer.close()
    return 0


def requests_in(statistics: Iterable[str]) -> int:
    """Requests whose answers haven't reached their clients in full.

    Args:
        statistics: lines of HAProxy's answer to "show stat", CSV with a header that begins with #.
    """
    rows = csv.DictReader(line.removeprefix("# ") for line in statistics)
    return sum(int(row["scur"]) for row in rows if row.get("svname") == "BACKEND")
