"""Server processes: started, waited for, and ended together with all their children."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from loadtest.http_client import wait_until_ready
from serve_graph.flags import read_flags

PROJECT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent  # where the environment's commands are
START_TIMEOUT_S = 180.0
END_TIMEOUT_S = 45.0  # Ray takes up to half a minute
_LOG_LINES = 15


def end_on_signals() -> None:
    """SIGTERM, and a terminal that closes, end this program like Ctrl-C, and so its servers."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # as under nohup
            signal.signal(number, signal.default_int_handler)


class StartError(Exception):
    """A server didn't come up; the message ends with the last lines of its log."""


def memory_flags() -> dict[str, str]:
    """The service's flags for glibc's allocator, for all that runs our nets: they aren't Ray's."""
    return {name: value for name, value in read_flags().items() if name.startswith("MALLOC_")}


@contextmanager
def serving(
    command: list[str],
    url: str,
    ready_path: str,
    environment: dict[str, str],
    own_session: bool = False,
) -> Iterator[int]:
    """Runs a server while the block runs; yields its process id.

    Args:
        command: is started in the project's folder.
        url: where the server will answer.
        ready_path: answers 200 once it is ready.
        environment: added to that of this process.
        own_session: start a session, by which all of the server's processes can be found. Where
            Linux schedules each session as a group (sched_autogroup_enabled), niceness then counts
            only among these processes, and on full cores the sender may wait 0.3 s for its turn.

    Raises:
        StartError: it ended or didn't become ready.
    """
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            command,
            cwd=PROJECT,
            env=os.environ | {"PYTHONPATH": str(PROJECT)} | environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=own_session,
            process_group=None if own_session else 0,
        )
        try:
            try:
                asyncio.run(_wait(process, url, ready_path))
            except StartError as error:
                raise StartError(f"{error}\n{_end_of(log)}") from None
            try:
                yield process.pid
            finally:
                if code := process.poll():  # while it was needed
                    print(f"The server ended with exit code {code}:\n{_end_of(log)}", flush=True)
        finally:
            end(process)


def _end_of(log: TextIO) -> str:
    log.seek(0)
    return "\n".join(log.read().splitlines()[-_LOG_LINES:])


async def _wait(process: "subprocess.Popen[bytes]", url: str, ready_path: str) -> None:
    ready = asyncio.create_task(wait_until_ready(url, ready_path, START_TIMEOUT_S))
    while not ready.done():
        if process.poll() is not None:
            ready.cancel()
            raise StartError(f"it ended with exit code {process.returncode}")
        await asyncio.sleep(0.1)
    if ready.exception() is not None:
        raise StartError(f"not ready within {START_TIMEOUT_S:g} s")


def end(process: "subprocess.Popen[bytes]") -> None:
    """Sends SIGTERM, then SIGKILL to what is left of its process group, at a Ctrl-C at once."""
    process.terminate()
    try:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(END_TIMEOUT_S)
        deadline = time.monotonic() + 3  # its children may still be shutting down
        while time.monotonic() < deadline and _is_alive(process.pid):
            time.sleep(0.1)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _is_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
