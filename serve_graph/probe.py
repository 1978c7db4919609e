"""Asks Ray about its state in such a way that a call that hangs delays nothing else."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from serve_graph.logs import log

T = TypeVar("T")


class Probe(Generic[T]):
    """Makes a call in a thread of its own, one at a time, and keeps its last answer.

    In asyncio's thread pool, calls that hang would pile up until no thread is left for photos.

    Args:
        name: the call's name in the log.
        call: the function to call.
        timeout_s: how long a caller waits for its answer.
    """

    def __init__(self, name: str, call: Callable[[], T], timeout_s: float) -> None:
        self._name, self._call, self._timeout_s = name, call, timeout_s
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="probe")
        self._pending: asyncio.Future[T] | None = None
        self._until = 0.0
        self._last: T | None = None

    async def latest(self) -> T | None:
        """The call's answer; if it fails or is late, the last one seen (None: never)."""
        pending = self._pending
        if pending is None or pending.done():
            pending = asyncio.get_running_loop().run_in_executor(self._thread, self._call)
            pending.add_done_callback(self._note)
            self._pending, self._until = pending, time.monotonic() + self._timeout_s
        await asyncio.wait({pending}, timeout=max(0.0, self._until - time.monotonic()))
        if not pending.done():
            log.warning("%s: no answer within %g s.", self._name, self._timeout_s)
        return self._last

    def _note(self, pending: asyncio.Future[T]) -> None:
        try:
            self._last = pending.result()
        except Exception as error:
            log.warning("%s: %r", self._name, error)
