"""A body on its way from a client or to it: how fast it goes, and when it is given up."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

MIN_BYTES_PER_S = 32_000  # less is slow: others must not wait behind the slowest phones
_TOO_EARLY_S = 2.0  # to tell how fast one is


class StalledError(Exception):
    """The client sends or takes nothing any more, or too little."""


class Transfer:
    """Counts what of a body has moved.

    Args:
        within_s: all of it must.
    """

    def __init__(self, within_s: float) -> None:
        self._start = time.monotonic()
        self._bytes = 0
        self._timeout = asyncio.timeout(within_s)

    def moved(self, count: int) -> None:
        """So many bytes more."""
        self._bytes += count

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._start

    @property
    def bytes_per_s(self) -> float:
        """Since the start; infinite as long as that says nothing."""
        elapsed_s = self.elapsed_s
        return math.inf if elapsed_s < _TOO_EARLY_S else self._bytes / elapsed_s

    @asynccontextmanager
    async def limit(self) -> AsyncIterator[None]:
        """Around the transfer.

        Raises:
            StalledError: its time is up, or it was given up.
        """
        try:
            async with self._timeout:
                yield
        except TimeoutError:
            if not self._timeout.expired():
                raise  # someone else's
            raise StalledError from None

    def give_up(self) -> None:
        """Ends it, for others."""
        if not self._timeout.expired():
            self._timeout.reschedule(asyncio.get_running_loop().time())


def slowest(transfers: Iterable[Transfer]) -> Transfer:
    """The one to give up first."""
    return min(transfers, key=lambda one: one.bytes_per_s)
