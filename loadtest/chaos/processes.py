"""The processes of a service that was started here, as `ps` shows them.

Only processes of the service's own session are seen. Whatever else runs on this machine, another
Ray included, is never touched.
"""

import asyncio
import os
import signal
import time
from pathlib import Path

_PROC = Path("/proc")
_POLL_S = 0.1
_CPU_CLOCK = 2  # of clock_getcpuclockid(3): the scheduler's count, in nanoseconds
# Share of a core within a window. At rest a replica took up to 0.28, for its heartbeats; at work
# 0.4 to 1. A window that ended late is ignored: it says nothing about its end.
_BUSY_SHARE, _WINDOW_S, _LONGEST_WINDOW_S = 0.4, 0.01, 0.03


class ProcessesError(Exception):
    """The processes aren't as a case needs them."""


def processes_of(session: int) -> dict[int, str]:
    """Titles of a session's processes by process id, without those that have ended.

    Args:
        session: the id of the session's leader.
    """
    titles = {}
    for folder in _PROC.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            state, _parent, _group, its_session = _stat(folder)[:4]
            title = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
        except (OSError, ValueError):
            continue  # it ended meanwhile
        if int(its_session) == session and state not in "ZX":
            titles[int(folder.name)] = title
    return titles


def _stat(folder: Path) -> list[str]:
    # The name, in brackets, may contain anything.
    return (folder / "stat").read_text().rpartition(")")[2].split()


def find(session: int, title: str) -> list[int]:
    """Ids of the session's processes with this title; a method's name may follow it."""
    return sorted(pid for pid, found in processes_of(session).items() if is_titled(found, title))


def is_titled(found: str, title: str) -> bool:
    """Ray appends what a process is doing at the moment: `ray::Inpainter.reconfigure()`.

    A program is matched by its name without its folder.
    """
    program = found.partition(" ")[0].rpartition("/")[2]
    return title in (found, program) or found.startswith((f"{title}.", f"{title} "))


def wait_for(session: int, title: str, count: int, timeout_s: float) -> list[int]:
    """Waits until `count` processes have this title and returns their ids.

    Raises:
        ProcessesError: there aren't within `timeout_s`.
    """
    end = time.monotonic() + timeout_s
    while len(found := find(session, title)) != count:
        if time.monotonic() > end:
            raise ProcessesError(f"{len(found)} instead of {count} processes '{title}'")
        time.sleep(_POLL_S)
    return found


def wait_for_end(pid: int, timeout_s: float) -> None:
    """Waits until a session's leader has ended.

    Raises:
        ProcessesError: it hasn't within `timeout_s`.
    """
    end = time.monotonic() + timeout_s
    while pid in processes_of(pid):
        if time.monotonic() > end:
            raise ProcessesError(f"process {pid} didn't end within {timeout_s:g} s")
        time.sleep(_POLL_S)


async def wait_for_work(pid: int, timeout_s: float) -> None:
    """Waits until a process is computing, that is, using a good part of a core.

    Raises:
        ProcessesError: it isn't within `timeout_s`.
        OSError: it ended.
    """
    end = time.monotonic() + timeout_s
    while (start := time.monotonic()) < end:
        before_s = cpu_s(pid)
        await asyncio.sleep(_WINDOW_S)
        window_s = time.monotonic() - start
        if window_s < _LONGEST_WINDOW_S and cpu_s(pid) - before_s > _BUSY_SHARE * window_s:
            return
    raise ProcessesError(f"process {pid} had nothing to do for {timeout_s:g} s")


def cpu_s(pid: int) -> float:
    """CPU time that a process has taken so far, over all threads.

    Raises:
        OSError: it ended.
    """
    return time.clock_gettime(~pid << 3 | _CPU_CLOCK)


def kill(pid: int) -> None:
    """kill -9."""
    os.kill(pid, signal.SIGKILL)


def memory_mb(pid: int) -> tuple[float, float]:
    """A process's own memory and its resident memory, MB.

    What it shares with others (libraries, Ray's object store) isn't counted as its own. PSS has
    a part of that, which changes whenever another process comes or goes.

    Raises:
        OSError: it ended.
    """
    lines = (_PROC / str(pid) / "smaps_rollup").read_text().splitlines()[1:]
    kb = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    return (kb["Private_Clean"] + kb["Private_Dirty"]) / 1000, kb["Rss"] / 1000
