"""Keeps a photo of one tone in it: what was painted takes its colour from its brightness.

Nets trained on colours paint a bluish chin into a photo of one tone.
"""

import cv2
import numpy as np

from models.light.one_tone import tone_curve
from models.pixels import Floats, Image, Mask

_APART_PX = 9  # of the frame: only pixels farther from the hole count
_EVERY = 3  # px of the frame between those that count


def keep_tone(patch: Image, hole: Mask) -> Image:
    """Gives what was painted the tone of the photo, if that has a single one.

    Args:
        patch: RGB, uint8 (S, S, 3), or finer by a whole factor; equals the photo's crop outside
            the hole.
        hole: bool (S, S), True = painted.

    Returns:
        As `patch`; equal to it outside the hole, and everywhere if the photo has colours.
    """
    curve = _curve(patch, hole)
    if curve is None:
        return patch
    table = np.clip(np.rint(curve), 0, 255).astype(np.uint8)  # (3, 256)
    toned = table.T[cv2.cvtColor(patch, cv2.COLOR_RGB2GRAY)]
    size = patch.shape[1::-1]
    inside = cv2.resize(hole.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    return np.where(inside[..., None], toned, patch)


def _curve(patch: Image, hole: Mask) -> Floats | None:
    """Red, green and blue at each brightness, (3, 256); None if there are colours or too few px."""
    near = cv2.dilate(hole.astype(np.uint8), np.ones((2 * _APART_PX + 1,) * 2, np.uint8))
    step = _EVERY * (patch.shape[0] // hole.shape[0])
    return tone_curve(patch[::step, ::step][near[::_EVERY, ::_EVERY] == 0])
