"""How much goes on at the same time: requests taken in, photos held decoded, and for how long."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from serve_graph.api.places import Places
from serve_graph.draining import Draining
from serve_graph.problems import BusyError, DeadlineError, EndingError


class Gate:
    """Bounds the memory of one replica: encoded uploads by requests, pixels by photos.

    Args:
        places: of requests taken in, uploading or waiting; more are refused.
        photos: decoded at the same time; others wait: `async with gate.photos`.
        retry_after_s: what a refused caller is told.
        draining: once it has begun, all are refused.
    """

    def __init__(
        self, places: Places, photos: int, retry_after_s: float, draining: Draining
    ) -> None:
        self._places = places
        self._draining = draining
        self.photos = asyncio.Semaphore(photos)
        self._retry_after_s = retry_after_s

    @contextmanager
    def request(self) -> Iterator[None]:
        """A request's place.

        Raises:
            BusyError: all are taken.
            EndingError: nothing new is taken in any more.
        """
        if self._draining.has_begun:
            raise EndingError(self._retry_after_s)
        if self._places.is_full:
            raise BusyError(self._retry_after_s)
        self._places.enter()
        try:
            yield
        finally:
            self._places.leave()


@asynccontextmanager
async def deadline(seconds: float, left: float) -> AsyncIterator[None]:
    """Cancels what is inside when the time is up.

    Args:
        seconds: what the whole request may take, for the message.
        left: how much of it remains.

    Raises:
        DeadlineError: it was.
    """
    timeout = asyncio.timeout(left)
    try:
        async with timeout:
            yield
    except TimeoutError:
        if not timeout.expired():
            raise  # someone else's
        raise DeadlineError(f"No answer within {seconds:g} s: the work was given up.") from None
