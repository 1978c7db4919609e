"""Masks drawn over a photo by hand, used instead of what the mask net finds."""

import numpy as np

from models.crop.frame import crop_face
from models.errors import DrawnMaskError
from models.mask.detect import MaskFinding
from models.pixels import Affine, Image, Mask

# Of 255: a thin stroke on a large face covers a small share of a frame px; ringing is at most 2.
_LEAST = 8


def open_drawn(drawn: Mask, photo: Image) -> Image:
    """Checks a drawn mask, bool (H, W), against its photo.

    Returns:
        The mask as a picture, uint8 (H, W), 255 = hidden, else 0.

    Raises:
        DrawnMaskError: it has another size, or is all black or all white.
    """
    height, width = photo.shape[:2]
    if drawn.shape != (height, width):
        raise DrawnMaskError(
            f"The mask has {drawn.shape[1]} x {drawn.shape[0]} px, the upright photo "
            f"{width} x {height}: send one of the same size."
        )
    if not drawn.any():
        raise DrawnMaskError("The mask is black: make the part to paint white.")
    if drawn.all():
        raise DrawnMaskError("The mask is white all over: make the rest black, not transparent.")
    return np.multiply(drawn, 255, dtype=np.uint8)


def cut_drawn(drawn: Image, frame: Affine) -> MaskFinding:
    """The part of a drawn mask that one face's frame shows; its probability is 1 if there is any.

    Args:
        drawn: from `open_drawn`.
        frame: photo px to frame px.
    """
    mask = np.asarray(crop_face(drawn, frame) > _LEAST, np.bool_)
    return MaskFinding(mask, float(mask.any()))
