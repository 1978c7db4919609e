"""How many requests a replica has inside: a burst may queue, a queue that stays may not.

After CoDel's idea (Nichols and Jacobson 2012, https://doi.org/10.1145/2209249.2209264): a queue
that drains soon is what absorbs chance, one that stands only makes everybody late.
"""

import time
from collections.abc import Callable

BURST_S = 1.0  # so long a burst may last


class Places:
    """Counts who is inside.

    Args:
        most: at the same time.
        standing: of them, once so many have been inside for `BURST_S` and it hasn't fallen to half
            of that meanwhile.
        clock: seconds.
    """

    def __init__(
        self, most: int, standing: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most, self._standing, self._clock = most, min(standing, most), clock
        self._inside = 0
        self._full_since: float | None = None

    @property
    def is_full(self) -> bool:
        """Whether one more would be too many."""
        stands = self._full_since is not None and self._clock() - self._full_since >= BURST_S
        return self._inside >= (self._standing if stands else self._most)

    def enter(self) -> None:
        """One more is inside."""
        self._inside += 1
        if self._inside >= self._standing and self._full_since is None:
            self._full_since = self._clock()

    def leave(self) -> None:
        """One less."""
        self._inside -= 1
        if self._inside <= self._standing // 2:
            self._full_since = None
