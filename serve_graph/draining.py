"""The end of a replica: nothing new is taken in, and what is inside is answered first."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Draining:
    """Counts the requests of one replica, so that its end can wait for them."""

    def __init__(self) -> None:
        self._inside = 0
        self._empty = asyncio.Event()
        self.has_begun = False  # whoever takes work in refuses it then

    @contextmanager
    def request(self) -> Iterator[None]:
        """A request, from its arrival until its client has taken the answer, or was given up.

        One that comes after the end has begun is refused, and not waited for: callers that go on
        trying can't hold the end up.
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

    async def finish(self) -> None:
        """Begins the end; returns when the last request that came before is answered."""
        self.has_begun = True
        self._note()
        await self._empty.wait()

    def _note(self) -> None:
        if self.has_begun and self._inside == 0:
            self._empty.set()
