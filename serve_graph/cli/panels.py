"""The steps of one photo side by side."""

import cv2
import numpy as np

from models.outcome import Unmasked, photo_mask
from models.pixels import Image, Mask

_SIDE_PX = 1024  # longer side of a panel, at most
_TINT = (255, 0, 80)


def draw_panels(photo: Image, result: Unmasked) -> Image:
    """Photo, found masks, painted photo and, with a reference, swapped photo, left to right.

    Args:
        photo: RGB, uint8 (H, W, 3), the input.
        result: what was made of it.

    Returns:
        One picture, each panel at most 1024 px high and wide.
    """
    edited = [face.found for face in result.faces if face.painted is not None]
    mask = photo_mask(edited, (photo.shape[0], photo.shape[1]))
    panels = [photo, _tint(photo, mask), result.painted]
    if result.swapped is not None:
        panels.append(result.swapped)
    return np.concatenate([_fit(panel) for panel in panels], axis=1)


def _tint(photo: Image, mask: Mask) -> Image:
    tinted = photo.copy()
    tinted[mask] = (photo[mask].astype(np.uint16) + np.array(_TINT, np.uint16)) // 2
    return tinted


def _fit(picture: Image) -> Image:
    scale = _SIDE_PX / max(picture.shape[:2])
    if scale >= 1:
        return picture
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)
