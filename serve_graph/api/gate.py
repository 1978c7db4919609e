"""How much goes on at the same time: uploads, requests that are in, photos held decoded."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

from serve_graph.api.places import Places
from serve_graph.api.threads import Threads
from serve_graph.api.transfers import MIN_BYTES_PER_S, StalledError, Transfer, slowest
from serve_graph.draining import Draining
from serve_graph.metrics import Recorder
from serve_graph.problems import BusyError, DeadlineError, EndingError, SlowUploadError


class Gate:
    """Bounds the memory of one replica: encoded pictures by uploads and places, pixels by photos.

    Args:
        uploads: at the same time; more are refused, or take the place of a slow one.
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
        self._most_uploads = uploads
        self._uploads: set[Transfer] = set()
        self._places = places
        self._photos = asyncio.Semaphore(photos)
        self._retry_after_s = retry_after_s
        self._draining = draining
        self._recorder = recorder

    @asynccontextmanager
    async def upload(self, within_s: float) -> AsyncIterator[Transfer]:
        """Around the reading of a body, which tells the transfer what has come in.

        Raises:
            BusyError: so many are read already, or the service is full: none is read in vain.
            EndingError: nothing new is taken in any more.
            SlowUploadError: its time is up, or others need its place and it is slow.
        """
        if self._draining.has_begun:
            raise EndingError(self._retry_after_s)
        if self._places.is_full or not self._has_room():
            raise BusyError(self._retry_after_s)
        body = Transfer(within_s)
        self._uploads.add(body)
        try:
            async with body.limit():
                yield body
        except StalledError:
            raise SlowUploadError(
                f"The upload was given up after {body.elapsed_s:.3g} s: send a smaller photo."
            ) from None
        finally:
            self._uploads.discard(body)

    def _has_room(self) -> bool:
        """Whether one more may come in; if need be, a slow one is given up for it."""
        if len(self._uploads) < self._most_uploads:
            return True
        last = slowest(self._uploads)
        if last.bytes_per_s >= MIN_BYTES_PER_S:
            return False
        last.give_up()
        self._uploads.remove(last)
        return True

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
