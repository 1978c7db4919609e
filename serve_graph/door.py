"""Shutdown of the front door: HAProxy first delivers what the replicas have already answered.

While a slow client reads its answer, megabytes of it are still in buffers.
"""

import asyncio
import csv
import os
import re
import select
import signal
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from serve_graph.flags import SOCKET

POLL_S = 0.1
ANSWER_S = 2.0  # for HAProxy to answer a command on its socket


async def wait_for_clients() -> None:
    """Returns when no HAProxy on this machine is sending an answer; at once if there is none."""
    while sum(await asyncio.gather(*(_requests_in(one) for one in _sockets()))):
        await asyncio.sleep(POLL_S)


def _sockets() -> list[Path]:
    """The admin sockets; Ray keeps each node's in a folder of its own."""
    wanted = os.environ.get(SOCKET)
    if wanted is None:
        return []
    path = Path(wanted)
    return list(path.parent.glob(f"*/{path.name}"))


async def close_doors() -> None:
    """Ends each HAProxy on this machine: it accepts nothing new and answers what it has accepted.

    For a service whose Ray can no longer be asked to do that.
    """
    answers = [await _ask(one, "show info") for one in _sockets()]
    pids = [
        int(found[1]) for found in (re.search(r"(?m)^Pid: (\d+)", one) for one in answers) if found
    ]
    doors = [os.pidfd_open(pid) for pid in pids]
    for door in doors:
        signal.pidfd_send_signal(door, signal.SIGUSR1)
    while len(select.select(doors, [], [], 0)[0]) < len(doors):
        await asyncio.sleep(POLL_S)


async def _requests_in(path: Path) -> int:
    return requests_in((await _ask(path, "show stat")).splitlines())


async def _ask(path: Path, command: str) -> str:
    with suppress(OSError, TimeoutError):  # it has ended or doesn't answer: nothing to wait for
        async with asyncio.timeout(ANSWER_S):
            reader, writer = await asyncio.open_unix_connection(path)
            try:
                writer.write(f"{command}\n".encode())
                return (await reader.read()).decode()
            finally:
                writer.close()
    return ""


def requests_in(statistics: Iterable[str]) -> int:
    """The number of requests whose answers haven't fully reached their clients.

    Args:
        statistics: lines of HAProxy's answer to "show stat": CSV with a header that starts with #.
    """
    rows = csv.DictReader(line.removeprefix("# ") for line in statistics)
    return sum(int(row["scur"]) for row in rows if row.get("svname") == "BACKEND")
