"""Finds dark sunglasses, which hide skin as a mask does.

The nets were trained on bare eyes. Below black lenses they paint shadows, and a face of which black
lenses count as skin seems to be in the dark.
"""

import cv2
import numpy as np

from models.crop.frame import face_oval
from models.pixels import Image, Mask

_SKIN = 90  # percentile of the visible face's brightness that is skin's, even around large lenses
# Of the skin's brightness: what is darker than the first is a lens, than the second its edge.
_DARK, _DIM = 0.38, 0.5
_SHARE = 0.7  # of the pixels around an eye that are dark; the others are reflections
# Bare eyes in deep shade are rougher than lenses, with more tones between dark and dim. Both values
# are taken as shares of their limits: a lens has less than 1 in all.
_ROUGH = 0.2  # of the skin's brightness: median slope (Sobel)
_BETWEEN = 0.3  # of the dim pixels: those that aren't dark
_SEEN = 0.4  # share of the pixels around an eye that must be visible
# Rows and columns: around each eye, down to where a bare face has bright skin; around each lens.
_EYES = (slice(78, 102), slice(74, 103)), (slice(78, 102), slice(154, 183))
_REACH = (slice(52, 132), slice(40, 128)), (slice(52, 132), slice(128, 216))
_STRAND_PX = 7  # what is narrower is hair, a brow or the glasses' temple
_RIM_PX = 4  # a lens's frame and its shadow


def find_lenses(face: Image, hole: Mask) -> Mask:
    """Where dark lenses cover both eyes.

    Args:
        face: canonical crop, uint8 (256, 256, 3) RGB.
        hole: bool (256, 256), True = hidden by a mask.

    Returns:
        bool (256, 256), True = a lens or its rim, outside the hole; all False if there are none.
    """
    light = np.asarray(cv2.cvtColor(face, cv2.COLOR_RGB2GRAY), np.uint8)
    seen = light[::2, ::2][(face_oval() & ~hole)[::2, ::2]]
    skin = float(np.percentile(seen, _SKIN)) if seen.size else 0.0
    if not all(_is_glass(light[eye], ~hole[eye], skin) for eye in _EYES):
        return np.zeros_like(hole)
    return _hulls((light < _DIM * skin) & ~hole) & ~hole


def _is_glass(light: Image, seen: Mask, skin: float) -> bool:
    """Whether what is seen around an eye is dark and smooth."""
    dark, dim = (np.count_nonzero(light[seen] < share * skin) for share in (_DARK, _DIM))
    if seen.mean() < _SEEN or dark < max(_SHARE * np.count_nonzero(seen), 1):
        return False
    slope = np.hypot(*(cv2.Sobel(light, cv2.CV_32F, dx, 1 - dx) for dx in (0, 1)))
    rough, between = float(np.median(slope[seen])) / skin, 1 - dark / dim
    return bool(rough / _ROUGH + between / _BETWEEN < 1)


def _hulls(dim: Mask) -> Mask:
    """Both lenses with reflections and rims: lenses are convex."""
    lenses = np.zeros(dim.shape, np.uint8)
    for rows, columns in _REACH:
        part = dim[rows, columns].astype(np.uint8)
        broad = cv2.morphologyEx(part, cv2.MORPH_OPEN, _disc(_STRAND_PX))
        outline = cv2.findNonZero(broad)
        if outline is not None:
            cv2.fillConvexPoly(lenses[rows, columns], cv2.convexHull(outline), 1)
    return np.asarray(cv2.dilate(lenses, _disc(2 * _RIM_PX + 1)) > 0, np.bool_)


def _disc(side: int) -> Image:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)
