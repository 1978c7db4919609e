"""Shutdown of the front door: HAProxy first delivers what the replicas have already answered.

While a slow client reads its answer, megabytes of it are still in buffers. If Ray reloads HAProxy
meanwhile, as for each new replica, such a client stays with the old process.
"""

import asyncio
import os
import re
import select
import signal
import time
from contextlib import suppress
from pathlib import Path

from serve_graph.flags import CONFIG, SOCKET

POLL_S = 0.1
ANSWER_S = 2.0  # for HAProxy to answer a command on its socket
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


async def wait_for_clients() -> None:
    """Returns when no HAProxy here is sending an answer that was under way before; at once if none.

    Callers who try again and again are refused meanwhile, and aren't waited for.
    """
    began_s = time.monotonic()
    while await _is_sending(int(time.monotonic() - began_s)):
        await asyncio.sleep(POLL_S)


async def _is_sending(least_age_s: int) -> bool:
    answers = [await _ask(one, "show sess;show info") for one in _files(SOCKET)]
    asked = {int(pid) for one in answers for pid in re.findall(r"(?m)^Pid: (\d+)", one)}
    # An old process answers no commands any more, and lives until its idle clients leave.
    return any(requests_in(one, least_age_s) for one in answers) or any(
        _has_unsent_data(pid) for pid in _processes() - asked
    )


async def stop_haproxy() -> None:
    """Ends each HAProxy on this machine: it accepts nothing new and answers what it has accepted.

    For a service whose Ray can no longer be asked to do that.
    """
    doors = []
    for pid in _processes():
        with suppress(ProcessLookupError):  # it has just ended
            doors.append(os.pidfd_open(pid))
            signal.pidfd_send_signal(doors[-1], signal.SIGUSR1)
    while len(select.select(doors, [], [], 0)[0]) < len(doors):
        await asyncio.sleep(POLL_S)


def _files(flag: str) -> list[Path]:
    """The files that a flag names; Ray keeps each node's in a folder of its own."""
    wanted = os.environ.get(flag)
    if wanted is None:
        return []
    path = Path(wanted)
    return list(path.parent.glob(f"*/{path.name}"))


def _processes() -> set[int]:
    """The ids of all HAProxy processes that Ray has started here."""
    configs = {os.fsencode(one) for one in _files(CONFIG)}
    pids = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has just ended
            if configs & set(path.read_bytes().split(b"\0")):
                pids.add(int(path.parent.name))
    return pids


def _has_unsent_data(pid: int) -> bool:
    """Whether one of the process's connections holds what its other end hasn't taken yet."""
    process = Path(f"/proc/{pid}")
    try:
        own = {str(one.readlink()) for one in (process / "fd").iterdir()}
        tables = [one.read_text().splitlines()[1:] for one in (process / "net").glob("tcp*")]
    except OSError:  # something ended meanwhile: look again
        return True
    rows = [row.split() for table in tables for row in table]
    return any(f"socket:[{row[9]}]" in own and not row[4].startswith("00000000:") for row in rows)


async def _ask(path: Path, commands: str) -> str:
    with suppress(OSError, TimeoutError):  # it has ended or doesn't answer: nothing to wait for
        async with asyncio.timeout(ANSWER_S):
            reader, writer = await asyncio.open_unix_connection(path)
            try:
                writer.write(f"{commands}\n".encode())
                return (await reader.read()).decode()
            finally:
                writer.close()
    return ""


def requests_in(sessions: str, least_age_s: int) -> int:
    """The number of requests whose answers haven't fully reached their clients.

    Args:
        sessions: HAProxy's answer to "show sess": a line for each request in progress.
        least_age_s: requests that came later are left out.
    """
    # A request has no backend (`be`) if HAProxy itself answers it, such as these commands.
    ages = re.findall(r"(?m)^0x.* be=[^<]\S* .* age=(\S+)", sessions)
    return sum(_seconds(age) >= least_age_s for age in ages)


def _seconds(age: str) -> int:
    """HAProxy writes the two largest units that a time has: 1h5m, 1m2s, 0s."""
    return sum(int(count) * _UNITS_S[unit] for count, unit in re.findall(r"(\d+)([dhms])", age))
