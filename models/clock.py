"""Where a request's time goes: seconds per stage."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Clock:
    """Adds up the seconds of each stage; overlapping stages each count in full."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        # Called with each stage that ended without an error, and its seconds.
        self.on_end: Callable[[str, float], None] | None = None

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Adds the time spent in the `with` block to the stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - start
            self.seconds[stage] = self.seconds.get(stage, 0.0) + spent
        if self.on_end is not None:
            self.on_end(stage, spent)
