"""Shutdown of a replica: it accepts nothing new and first answers what it has accepted."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Draining:
    """Counts the requests of one replica, so that its shutdown can wait for them."""

    def __init__(self) -> None:
        self._inside = 0
        self._empty = asyncio.Event()
        self.has_begun = False  # once True, whoever accepts work must refuse it

    @contextmanager
    def request(self) -> Iterator[None]:
        """A request, from its arrival until its client has received the answer or was given up.

        One that arrives after shutdown has begun is refused and isn't waited for, so callers that
        keep trying can't delay the shutdown.
        """
        if self.has_begun:
            yield
            return
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1
            self._note()

    async def finish(self) -> bool:
        """Begins the shutdown; returns when the last request that came before is answered.

        The result is False if the shutdown had already begun.
        """
        is_first, self.has_begun = not self.has_begun, True
        self._note()
        await self._empty.wait()
        return is_first

    def _note(self) -> None:
        if self.has_begun and self._inside == 0:
            self._empty.set()
