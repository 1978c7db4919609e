"""Whether a stage still works: after several failures in a row it is tried with a blank picture.

A photo can make a stage fail, so failures alone say nothing about the replica: if they counted,
sending a bad photo again and again would get one replica after another replaced. A blank picture
can't make a stage fail. A call that hangs never fails, so its running time is checked instead.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Final

import numpy as np

from models.crop.detect import THUMB_PX
from models.crop.frame import FRAME_PX
from models.pixels import Image, Mask

IN_A_ROW = 3
# A stage's inputs have one size, so no photo takes longer than others: well under a second, or
# some seconds for sixteen of them on slow cores. By default, callers wait for 30 s.
HUNG_S = 60.0
BLANK_THUMB: Final[Image] = np.zeros((THUMB_PX, THUMB_PX, 3), np.uint8)
BLANK_FACE: Final[Image] = np.zeros((FRAME_PX, FRAME_PX, 3), np.uint8)
ALL_HIDDEN: Final[Mask] = np.ones((FRAME_PX, FRAME_PX), np.bool_)


class Streak:
    """Counts how many calls of a stage have failed since the last one that didn't."""

    def __init__(self) -> None:
        self._failed = 0

    def note(self, failed: bool) -> None:
        """Records that a call has ended."""
        self._failed = self._failed + 1 if failed else 0

    @property
    def needs_test(self) -> bool:
        """True if the stage should be tried."""
        return self._failed >= IN_A_ROW


class InProgress:
    """The calls of a stage being computed now; one that hangs (driver, deadlock) never ends."""

    def __init__(self, stage: str) -> None:
        self._stage = stage
        self._begun: dict[object, float] = {}  # s by `monotonic`

    @contextmanager
    def call(self) -> Iterator[None]:
        """Wraps the computation, not the wait for a thread; several threads may be inside.

        If all threads hang, those that wait for one needn't be counted.
        """
        key = object()
        self._begun[key] = monotonic()
        try:
            yield
        finally:
            del self._begun[key]

    def raise_if_hung(self) -> None:
        """Checks for a call that hangs.

        Raises:
            TimeoutError: one has been running for longer than HUNG_S.
        """
        now = monotonic()
        for begun in list(self._begun.values()):
            run_s = now - begun
            if run_s > HUNG_S:
                raise TimeoutError(f"{self._stage} hangs: its call has run for {run_s:.0f} s.")
