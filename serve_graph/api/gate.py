"""Limits what a replica handles at once: uploads, admitted requests, decoded photos."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

from serve_graph.api.places import Places
from serve_graph.api.threads import Threads
from serve_graph.api.transfers import MIN_BYTES_PER_S, StalledError, Transfer, slowest
from serve_graph.draining import Draining
from serve_graph.metrics import Recorder
from serve_graph.problems import BusyError, EndingError, SlowUploadError


class Gate:
    """Bounds a replica's memory: uploads and places limit encoded pictures, photos limit pixels.

    Args:
        uploads: most at the same time; more are refused, or replace a slow one.
        places: for requests whose body has been received, waiting or running; more are refused.
        photos: most requests with decoded pictures at the same time; others wait in their places.
        draining: once it has begun, uploads are refused.
        recorder: gets the time that each request waited in its place.
    """

    def __init__(
        self,
        uploads: int,
        places: Places,
        photos: int,
        draining: Draining,
        recorder: Recorder,
    ) -> None:
        self._most_uploads = uploads
        self._uploads: set[Transfer] = set()
        self._places = places
        self._photos = asyncio.Semaphore(photos)
        self._draining = draining
        self._recorder = recorder

    @asynccontextmanager
    async def upload(self, within_s: float, advice: str) -> AsyncIterator[Transfer]:
        """Context for reading a body; the reader reports the bytes received to the transfer.

        Args:
            within_s: seconds that it may take.
            advice: what to do if they weren't enough.

        Raises:
            BusyError: too many uploads are running, or all places are taken and the body would be
                read in vain.
            EndingError: the replica is draining.
            SlowUploadError: its time was up, or it was slow and another upload needed its place.
        """
        if self._draining.has_begun:
            raise EndingError
        if self._places.is_full or not self._has_room():
            raise BusyError
        body = Transfer(within_s)
        self._uploads.add(body)
        try:
            async with body.limit():
                yield body
        except StalledError:
            seconds = min(body.elapsed_s, within_s)
            if seconds < within_s:
                advice = "others needed its place: send a smaller photo"
            raise SlowUploadError(
                f"The upload was stopped after {seconds:.1f} s: {advice}."
            ) from None
        finally:
            self._uploads.discard(body)

    def _has_room(self) -> bool:
        """True if another upload may start; if need be, a slow one is aborted for it."""
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
        """Takes a place, then waits there for the right to hold decoded pictures.

        Both are released once the block has ended and none of the request's `threads` still runs.
        Nothing else holds the photo: the stages get crops.

        Raises:
            BusyError: all places are taken.
        """
        if self._places.is_full:
            raise BusyError
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
        finally:  # a cancelled request has waited too
            self._recorder.place(time.perf_counter() - start)
