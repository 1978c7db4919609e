"""Limits the requests inside a replica: a burst may queue, a standing queue may not.

This is CoDel's idea (Nichols and Jacobson 2012, https://doi.org/10.1145/2209249.2209264): a queue
that drains soon absorbs bursts; a standing queue only makes everybody wait.
"""

import time
from collections.abc import Callable

BURST_S = 1.0  # how long a burst may last


class Places:
    """Counts the requests inside.

    Args:
        most: limit during a burst.
        standing: limit once a queue stands: this many were inside at least `BURST_S` ago, and the
            count hasn't fallen to half of that since.
        clock: returns seconds.
    """

    def __init__(
        self, most: int, standing: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most, self._standing, self._clock = most, min(standing, most), clock
        self._inside = 0
        self._full_since: float | None = None

    @property
    def is_full(self) -> bool:
        """True if no place is left."""
        stands = self._full_since is not None and self._clock() - self._full_since >= BURST_S
        return self._inside >= (self._standing if stands else self._most)

    def enter(self) -> None:
        """Counts a request in."""
        self._inside += 1
        if self._inside >= self._standing and self._full_since is None:
            self._full_since = self._clock()

    def leave(self) -> None:
        """Counts a request out."""
        self._inside -= 1
        if self._inside <= self._standing // 2:
            self._full_since = None
