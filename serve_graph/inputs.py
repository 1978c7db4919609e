"""What a stage's call must look like: checked before the batch, where it would fail the others."""

import numpy as np

from models.crop.detect import THUMB_PX
from models.crop.frame import FRAME_PX
from models.pixels import Image, Mask, unpack_mask


def check_thumb(thumb: Image) -> None:
    """Rejects a thumb that the detector can't process.

    Raises:
        ValueError: not uint8 (H, W, 3) with sides of up to THUMB_PX.
    """
    sides = thumb.shape[:2]
    fits = thumb.ndim == 3 and thumb.shape[2] == 3 and 0 < min(sides) <= max(sides) <= THUMB_PX
    if thumb.dtype != np.uint8 or not fits:
        raise ValueError(
            f"Expected uint8 (H, W, 3) up to {THUMB_PX} px, got {thumb.dtype} {thumb.shape}."
        )


def check_picture(picture: Image, *sides_px: int) -> None:
    """Rejects a picture that can't be batched with others.

    Raises:
        ValueError: not uint8 (S, S, 3) with S one of `sides_px` (default: FRAME_PX).
    """
    shapes = [(side, side, 3) for side in sides_px or (FRAME_PX,)]
    if picture.dtype != np.uint8 or picture.shape not in shapes:
        raise ValueError(f"Expected uint8 {shapes}, got {picture.dtype} {picture.shape}.")


def unpack_hole(packed: bytes) -> Mask:
    """The mask of a canonical face, from its packed bits.

    Raises:
        ValueError: it is of another size.
    """
    if len(packed) * 8 != FRAME_PX**2:
        raise ValueError(f"Expected {FRAME_PX**2 // 8} bytes of mask, got {len(packed)}.")
    return unpack_mask(packed, (FRAME_PX, FRAME_PX))
