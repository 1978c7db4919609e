"""How much goes on at the same time: uploads, requests that are in, photos held decoded."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager

from serve_graph.api.places import Places
from serve_graph.api.threads import Threads
from serve_graph.draining import Draining
from serve_graph.metrics import Recorder
from serve_graph.problems import BusyError, DeadlineError, EndingError


class Gate:
    """Bounds the memory of one replica: encoded pictures by uploads and places, pixels by photos.

    Args:
        uploads: at the same time; more are refused.
        places: of requests whose body is in, waiting or worked on; more are refused.
        photos: decoded at the same time; others wait in their places.
        retry_after_s: what a refused caller is told.
        draining: once it has begun, no upload starts.
        recorder: is told how long each request waited in its place.
    """

    def __init__(
        self,
        uploads: int,
        places: Places,
        photos: int,
        retry_after_s: float,
        draining: Draining,
        recorder: Recorder,
    ) -> None:
        self._uploads_left = uploads
        self._places = places
        self._photos = asyncio.Semaphore(photos)
        self._retry_after_s = retry_after_s
        self._draining = draining
        self._recorder = recorder

    @contextmanager
    def upload(self) -> Iterator[None]:
        """Around the reading of a body.

        Raises:
            BusyError: so many are read already, or the service is full: none is read in vain.
            EndingError: nothing new is taken in any more.
        """
        if self._draining.has_begun:
            raise EndingError(self._retry_after_s)
        if self._places.is_full or not self._uploads_left:
            raise BusyError(self._retry_after_s)
        self._uploads_left -= 1
        try:
            yield
        finally:
            self._uploads_left += 1

    @asynccontextmanager
    async def photo(self, threads: Threads) -> AsyncIterator[None]:
        """A place, and in it the right to hold a photo decoded; waits for that.

        Both are free again when the block has ended and none of the request's `threads` runs any
        more: all work that holds the photo. The stages are sent crops.

        Raises:
            BusyError: all places are taken.
        """
        if self._places.is_full:
            raise BusyError(self._retry_after_s)
        with ExitStack() as held:
            self._places.enter()
            held.callback(self._places.leave)
            await self._wait_for_turn()
            held.callback(self._photos.release)
            try:
                yield
            finally:
                threads.at_end(held.pop_all().close)

    async def _wait_for_turn(self) -> None:
        start = time.perf_counter()
        try:
            await self._photos.acquire()
        finally:  # who gives up has waited too
            self._recorder.place(time.perf_counter() - start)


@asynccontextmanager
async def deadline(left_s: float, detail: str) -> AsyncIterator[None]:
    """Cancels what is inside when the time is up.

    Args:
        left_s: until then.
        detail: what the caller is told.

    Raises:
        DeadlineError: it was.
    """
    timeout = asyncio.timeout(left_s)
    try:
        async with timeout:
            yield
    except TimeoutError:
        if not timeout.expired():
            raise  # someone else's
        raise DeadlineError(detail) from None
