"""Gives an edited face the fine grain of the photo around it.

A painted patch has 256 px; pasted into a larger face, it is smoother than the skin next to it and
looks like plastic. The detail that is too fine for the patch is measured on the face's visible
skin, band by band, and a share of it is added as noise.
"""

from collections.abc import Sequence
from functools import cache
from itertools import pairwise

import cv2
import numpy as np

from models.crop.frame import FRAME_PX, compose, face_oval, photo_rectangle, scale_of
from models.pixels import Affine, Floats, Image, Mask

# With all of the grain, a face looks as sharp as its photo, but SSIM falls below a plain patch's.
SHARE = 0.1
FINER = 1.25  # least ratio of the photo's resolution to the patch's that counts
_FINEST_PX = 0.8  # sigma of the first band
_NOISE_PX = 512  # side of the tile that repeats
_TO_SIGMA = 1.4826  # from the median absolute value: edges, lashes and brows hardly count
_LEAST_SKIN_PX = 400
_APART_PX = 9  # of the frame: side of the square that widens the hole, so skin is 4 px away


def add_grain(face: Image, photo: Image, hole: Mask, to_frame: Affine, patch_px: int) -> Image:
    """Adds the grain of the photo to an edited face.

    Args:
        face: RGB, uint8 (H, W, 3), the patch at the photo's resolution.
        photo: RGB, uint8, the photo around it.
        hole: bool (256, 256), True = painted.
        to_frame: photo px to frame px.
        patch_px: side of the patch that `face` was made from.

    Returns:
        As `face`; unchanged if the patch is as fine as the photo, or if no skin is visible.
    """
    bands = _missing_bands(_finer(to_frame, patch_px)) if is_finer(to_frame, patch_px) else ()
    found = _visible_skin(photo, hole, to_frame) if bands else None
    if found is None:
        return face
    skin, seen = found
    grain = np.zeros((_NOISE_PX, _NOISE_PX), np.float32)
    for band, noise in zip(_bands(skin, bands), _noise_bands(bands), strict=True):
        grain += SHARE * _TO_SIGMA * float(np.median(np.abs(band[seen]))) * noise
    return _add_tiled(face, grain)


def is_finer(to_frame: Affine, patch_px: int) -> bool:
    """Whether the photo shows a face noticeably finer than a patch can.

    Args:
        to_frame: photo px to frame px.
        patch_px: side of the patch.
    """
    return _finer(to_frame, patch_px) >= FINER


def _finer(to_frame: Affine, patch_px: int) -> float:
    return FRAME_PX / patch_px / scale_of(to_frame)


def _missing_bands(finer: float) -> tuple[float, ...]:
    """Sigmas of the bands, px of the photo, that a patch lacks in a photo `finer` times as fine."""
    count = 1 + round(np.log2(finer))
    return tuple(_FINEST_PX * 2.0**index for index in range(count))


def _visible_skin(photo: Image, hole: Mask, to_frame: Affine) -> tuple[Floats, Mask] | None:
    """Forehead, eyes and cheeks in grey, and which px are theirs; None if hardly any are seen."""
    near = cv2.dilate(hole.astype(np.uint8), np.ones((_APART_PX, _APART_PX), np.uint8))
    skin = face_oval() & (near == 0)
    box = photo_rectangle(skin, to_frame, photo.shape[:2])
    if box is None:
        return None
    # Of a large face, the middle is enough.
    left, top = (
        max(low, (low + high - _NOISE_PX) // 2) for low, high in zip(box[:2], box[2:], strict=True)
    )
    right, bottom = min(box[2], left + _NOISE_PX), min(box[3], top + _NOISE_PX)
    grey = cv2.cvtColor(photo[top:bottom, left:right], cv2.COLOR_RGB2GRAY).astype(np.float32)
    part_to_frame = compose(to_frame, np.array([[1, 0, left], [0, 1, top]], np.float32))
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    seen = cv2.warpAffine(skin.astype(np.uint8), part_to_frame, grey.shape[::-1], flags=flags) > 0
    if seen.sum() < _LEAST_SKIN_PX:
        return None
    return np.asarray(grey, np.float32), np.asarray(seen, np.bool_)


def _bands(grey: Floats, sigmas: Sequence[float]) -> list[Floats]:
    """What is finer than the first sigma, then what lies between each and the next."""
    smooth = [grey, *(cv2.GaussianBlur(grey, (0, 0), sigma) for sigma in sigmas)]
    return [np.asarray(a - b, np.float32) for a, b in pairwise(smooth)]


@cache
def _noise_bands(sigmas: tuple[float, ...]) -> list[Floats]:
    """Noise of each band, standard deviation 1, that repeats without a seam."""
    # A fixed seed: the same photo always gives the same picture.
    shape = (_NOISE_PX, _NOISE_PX)
    noise = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    around = np.pad(noise, _NOISE_PX // 2, mode="wrap")
    inner = slice(_NOISE_PX // 2, -_NOISE_PX // 2)
    bands = [band[inner, inner] for band in _bands(around, sigmas)]
    return [np.asarray(band / band.std(), np.float32) for band in bands]


def _add_tiled(face: Image, grain: Floats) -> Image:
    height, width = face.shape[:2]
    repeats = (-(-height // _NOISE_PX), -(-width // _NOISE_PX))
    levels = np.tile(np.rint(grain).astype(np.int16), repeats)[:height, :width]
    return np.asarray(cv2.add(face, cv2.merge([levels] * 3), dtype=cv2.CV_8U), np.uint8)
