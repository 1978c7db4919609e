"""Gives the warped reference the light and the skin tone of the painted face."""

import cv2
import numpy as np
import numpy.typing as npt

from models.pixels import Image, Landmarks, Mask

Floats = npt.NDArray[np.float32]

_COARSE = 4  # the correction is smooth: it is found on a grid of a quarter of the size
_WIDE_PX = 28.0  # of the frame: how far a place tells of the light at another
_NEAR_PX, _NEAR_SHARE = 8.0, 4.0  # visible skin tells more of what is next to it: no seam
_PAINTED_SHARE = 0.5  # what the painted skin in the hole counts beside the visible skin
_NOWHERE = 0.01  # weight of the median, for places far from all skin
_ODD = 0.6  # difference from the median log ratio at which a place (hair, shadow) hardly counts
_MAX_LOG_GAIN, _MAX_LOCAL = 1.2, 0.4  # of the whole face; of a place beside it
_DARK = 8.0  # levels added before the logarithm, so that noise in the dark weighs little


def match_light(warped: Image, painted: Image, landmarks: Landmarks, hole: Mask) -> Image:
    """Multiplies the reference by a smooth gain so that its skin meets the painted face's.

    The gain is the local mean ratio of both pictures' skin, most of it from the skin around
    the hole that both show.

    Args:
        warped: the reference in the painted face's geometry, uint8 (S, S, 3).
        painted: uint8 (S, S, 3).
        landmarks: float32 (68, 2), (x, y) px of `painted`.
        hole: bool (S, S), True = painted by the generator.

    Returns:
        uint8 (S, S, 3).
    """
    bare = skin(landmarks, hole.shape)
    visible, made_up = _shrink(bare * ~hole), _shrink(bare * hole)
    if not (visible + made_up).any():
        return warped
    ratio = _logarithm(painted) - _logarithm(warped)
    median = np.median(ratio[(visible if visible.any() else made_up) > 0], axis=0)
    usual = np.exp(-np.square(np.abs(ratio - median).max(axis=2) / _ODD))
    wide = _spread(ratio, usual * (visible + _PAINTED_SHARE * made_up), _WIDE_PX)
    near = _spread(ratio, usual * visible, _NEAR_PX)
    both = wide + _NEAR_SHARE * near + _NOWHERE * np.append(median, 1).astype(np.float32)
    local = np.clip(both[..., :3] / both[..., 3:] - median, -_MAX_LOCAL, _MAX_LOCAL)
    gain = np.exp(np.clip(median, -_MAX_LOG_GAIN, _MAX_LOG_GAIN) + local)
    gain = cv2.resize(gain, hole.shape[::-1], interpolation=cv2.INTER_LINEAR)
    lit = np.clip((warped + _DARK) * gain - _DARK, 0, 255).round()
    return np.asarray(lit, np.uint8)


def skin(landmarks: Landmarks, shape: tuple[int, int]) -> Floats:
    """Where the face is bare skin, 1 or 0: without eyes, brows and mouth."""
    canvas = np.zeros(shape, np.uint8)
    points = np.round(landmarks).astype(np.int32)
    cv2.fillPoly(canvas, [face_outline(points)], 1)
    for feature in (range(17, 22), range(22, 27), range(36, 42), range(42, 48), range(48, 60)):
        outline = points[list(feature)]
        cv2.fillPoly(canvas, [outline], 0)
        cv2.polylines(canvas, [outline], True, 0, 9)
    return canvas.astype(np.float32)


def face_outline(points: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """The polygon of the jaw and the brows, (27, 2)."""
    return np.vstack([points[:17], points[26:16:-1]])


def _shrink(picture: Image | Floats) -> Floats:
    side = (picture.shape[1] // _COARSE, picture.shape[0] // _COARSE)
    return np.asarray(cv2.resize(picture, side, interpolation=cv2.INTER_AREA), np.float32)


def _logarithm(picture: Image) -> Floats:
    return np.asarray(np.log(_shrink(picture) + _DARK), np.float32)


def _spread(values: Floats, weight: Floats, sigma_px: float) -> Floats:
    """Weighted sum around each place and, last, the sum of the weights: (h, w, 4)."""
    both = np.dstack([values * weight[..., None], weight]).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(both, (0, 0), sigma_px / _COARSE), np.float32)
