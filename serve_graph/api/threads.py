"""The threads of a request: they keep running after it was cancelled."""

import asyncio
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from serve_graph.priority import run_niced

P = ParamSpec("P")
T = TypeVar("T")


class Threads:
    """Runs work in threads and knows when the last of them has ended.

    A thread can't be stopped: it keeps what it holds until it ends, even if nobody waits for it.
    """

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()
        self._at_end: Callable[[], None] | None = None

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Like `asyncio.to_thread`, but after a cancellation the thread still counts as running."""
        task = asyncio.create_task(asyncio.to_thread(lambda: run_niced(work, *args, **kwargs)))
        self._running.add(task)
        task.add_done_callback(self._end)
        try:
            return await asyncio.shield(task)
        finally:
            del task  # its error would keep the arguments, in a cycle with this frame

    def at_end(self, callback: Callable[[], None]) -> None:
        """Calls `callback` once no thread is running: at once if none is."""
        self._at_end = callback
        self._note()

    def _end(self, task: asyncio.Task[Any]) -> None:
        if not task.cancelled():
            task.exception()  # marks it as retrieved, or asyncio logs the error of abandoned work
        self._running.discard(task)
        self._note()

    def _note(self) -> None:
        callback = self._at_end
        if callback is not None and not self._running:
            self._at_end = None
            callback()
