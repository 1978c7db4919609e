"""The person's own bare face, whose lower part is swapped in."""

from dataclasses import dataclass

from models.crop.frame import FRAME_PX
from models.pixels import Image, Landmarks, Points

# Side of a reference's crop, px: the larger one if its photo shows the face finer than 256 px.
REFERENCE_PX = (FRAME_PX, 2 * FRAME_PX)


@dataclass(frozen=True)
class Reference:
    """The person's own bare face, ready to be swapped in."""

    face: Image  # uint8 (S, S, 3), canonical crop; S is one of REFERENCE_PX
    landmarks: Landmarks  # float32 (68, 2) px of the 256 px frame
    corners: Points | None = None  # see `photo_corners`; None: its photo fills the frame
