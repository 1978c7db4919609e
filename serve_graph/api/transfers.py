"""The transfer of a body from or to a client: its speed, and when it is aborted."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

MIN_BYTES_PER_S = 32_000  # slower ones may be aborted: others mustn't wait for the slowest phones
_TOO_EARLY_S = 2.0  # before that, the speed says nothing


class StalledError(Exception):
    """The client stopped sending or reading, or is too slow."""


class Transfer:
    """Counts the bytes of a body that have been transferred.

    Args:
        within_s: seconds for the whole body.
    """

    def __init__(self, within_s: float) -> None:
        self._start = time.monotonic()
        self._bytes = 0
        self._timeout = asyncio.timeout(within_s)

    def moved(self, count: int) -> None:
        """Adds `count` bytes."""
        self._bytes += count

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._start

    @property
    def bytes_per_s(self) -> float:
        """Average since the start; infinite while it is too early to tell."""
        elapsed_s = self.elapsed_s
        return math.inf if elapsed_s < _TOO_EARLY_S else self._bytes / elapsed_s

    @asynccontextmanager
    async def limit(self) -> AsyncIterator[None]:
        """Context for the transfer.

        Raises:
            StalledError: its time was up, or `give_up` was called.
        """
        async with expiring(self._timeout, StalledError):
            yield

    def give_up(self) -> None:
        """Aborts the transfer, to make room for others."""
        if not self._timeout.expired():
            self._timeout.reschedule(asyncio.get_running_loop().time())


@asynccontextmanager
async def expiring(
    timeout: asyncio.Timeout, to_error: Callable[[], Exception]
) -> AsyncIterator[None]:
    """Context that raises an error of its own when the timeout expires.

    Args:
        timeout: not entered yet. A TimeoutError that is raised inside passes through.
        to_error: makes the error; one made before would be in a cycle with this frame.
    """
    try:
        async with timeout:
            yield
    except TimeoutError:
        if not timeout.expired():
            raise
        raise to_error() from None


def slowest(transfers: Iterable[Transfer]) -> Transfer:
    """The transfer to abort first; of those too young to judge, the youngest has least to lose."""
    return min(transfers, key=lambda one: (one.bytes_per_s, one.elapsed_s))
