"""Limits the requests inside a replica: a burst may queue, a standing queue may not.

This is CoDel's idea (Nichols and Jacobson 2012, https://doi.org/10.1145/2209249.2209264): a queue
that drains soon absorbs bursts; a standing queue only makes everybody wait.
"""

import time
from collections.abc import Callable

BURST_S = 1.0  # how long a burst may last
# Seconds of burst that a second of shorter queue gives back. Simulated with Poisson arrivals: up to
# three quarters of the capacity there are always some left; over it they are soon used up.
_REGAINED = 0.1


class Places:
    """Counts the requests inside.

    Args:
        most: limit during a burst.
        standing: limit once a queue stands: at least this many were inside for `BURST_S`, less a
            tenth of the time in which fewer were.
        clock: returns seconds.
    """

    def __init__(
        self, most: int, standing: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most, self._standing, self._clock = most, min(standing, most), clock
        self._inside = 0
        self._burst_s, self._as_of = BURST_S, clock()

    @property
    def is_full(self) -> bool:
        """True if no place is left."""
        self._account()
        return self._inside >= (self._most if self._burst_s > 0 else self._standing)

    def enter(self) -> None:
        """Counts a request in."""
        self._account()
        self._inside += 1

    def leave(self) -> None:
        """Counts a request out."""
        self._account()
        self._inside -= 1

    def _account(self) -> None:
        """Brings the seconds of burst that are left up to date."""
        now = self._clock()
        spent_s, self._as_of = now - self._as_of, now
        change_s = -spent_s if self._inside >= self._standing else _REGAINED * spent_s
        self._burst_s = min(max(self._burst_s + change_s, 0.0), BURST_S)
