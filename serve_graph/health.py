"""Whether a stage still works: after failures in a row it is tried with a blank picture.

A photo can make a stage fail, so failures alone say nothing of the replica: who sent a bad photo
again and again would have one after the other replaced. A blank picture can't.
"""

from typing import Final

import numpy as np

from models.crop.detect import THUMB_PX
from models.crop.frame import FRAME_PX
from models.pixels import Image, Mask

IN_A_ROW = 3
BLANK_THUMB: Final[Image] = np.zeros((THUMB_PX, THUMB_PX, 3), np.uint8)
BLANK_FACE: Final[Image] = np.zeros((FRAME_PX, FRAME_PX, 3), np.uint8)
ALL_HIDDEN: Final[Mask] = np.ones((FRAME_PX, FRAME_PX), np.bool_)


class Streak:
    """How many calls of a stage have failed since the last one that didn't."""

    def __init__(self) -> None:
        self._failed = 0

    def note(self, failed: bool) -> None:
        """A call has ended."""
        self._failed = self._failed + 1 if failed else 0

    @property
    def is_doubtful(self) -> bool:
        """Whether the stage should be tried."""
        return self._failed >= IN_A_ROW
