"""Gives the warped reference the light and the skin tone of the photo."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from models.light.one_tone import tone_curve
from models.pixels import Floats, Image, Landmarks, Mask

_COARSE = 4  # the correction is smooth: it is computed on a grid of a quarter of the size
_FEWEST = 100  # cells of visible skin; between a mask and dark lenses often fewer, in shadow
_WIDE_PX = 28.0  # of the frame: how far a place tells about the light at another
_NEAR_PX, _NEAR_SHARE = 8.0, 4.0  # visible skin tells more about what is next to it: no seam
_NOWHERE = 0.01  # weight of the median, for places far from all skin
_ODD = 0.6  # log ratio, from its median: a place that differs by this (hair) hardly counts
_MAX_LOG_GAIN, _MAX_LOCAL = 1.2, 0.25  # log gain of the whole face; a place's beyond that
_LOCAL_TINT = 0.3  # share of a place's beyond the face's that may be colour, not brightness
_DARK = 8.0  # levels added before the logarithm, so that noise in the dark weighs little
# Log ratio of the photo's brightness to the reference's: up to the first is usual. What is beyond
# it, at most the second, is taken out first, by a plain factor.
_USUAL, _MOST_EXPOSURE = 0.7, 2.5
_TINT_PX = 4.0  # of the frame: smoothness of the colours that a grey reference takes
_TEETH = 0.8  # share of these colours that isn't taken between the reference's lips


@dataclass(frozen=True)
class Relighting:
    """How to light a reference; for `relight`."""

    exposure: float  # factor
    gain: Floats  # applied after it, float32 (S / 4, S / 4, 3)


def light_gain(warped: Image, painted: Image, landmarks: Landmarks, hole: Mask) -> Relighting:
    """The smooth gain that matches the reference to the photo around the hole.

    On the face it is the local mean ratio of both pictures' visible skin; beyond it, of what
    both show there. What was painted is a guess and counts only if hardly any skin is visible. A
    reference of one tone (black and white, sepia) gets the painted face's colours.

    Args:
        warped: the reference in the photo's geometry, uint8 (S, S, 3).
        painted: uint8 (S, S, 3).
        landmarks: float32 (68, 2), (x, y) px of `warped`.
        hole: bool (S, S), True = painted by the generator.
    """
    bare, face = skin(landmarks, hole.shape), filled_face(landmarks, hole.shape)
    visible, beside = _whole_cells(bare * ~hole), _whole_cells((1 - face) * ~hole)
    counts = visible if visible.sum() >= _FEWEST else _shrink(bare)
    shown, own = _shrink(painted), _shrink(warped)
    if not counts.any():
        return Relighting(1.0, np.ones_like(own))
    exposure = _exposure(own[counts > 0], shown[counts > 0])
    tint = _tint(warped, own * np.float32(exposure), shown, landmarks)
    ratio = _logarithm(shown) - _logarithm(own * np.float32(exposure)) - tint
    median = np.median(ratio[counts > 0], axis=0)
    usual = np.exp(-np.square(np.abs(ratio - median).max(axis=2) / _ODD))
    near = _NEAR_SHARE * _spread(ratio, counts * usual, _NEAR_PX)
    of_skin = _around(median, near + _spread(ratio, counts * usual, _WIDE_PX))
    of_rest = _around(median, _NEAR_SHARE * _spread(ratio, beside * usual, _NEAR_PX))
    local = of_rest + (of_skin - of_rest) * _shrink(face)[..., None]
    gain = np.exp(np.clip(median, -_MAX_LOG_GAIN, _MAX_LOG_GAIN) + local + tint)
    return Relighting(exposure, np.asarray(gain, np.float32))


def _exposure(own: Floats, shown: Floats) -> float:
    """The unusual part of the factor between two pictures' skin, (N, 3); 1 if there is none."""
    light = [np.log(max(float(np.median(skin.mean(axis=1))), 1.0)) for skin in (own, shown)]
    ratio = float(light[1] - light[0])
    beyond = np.clip(abs(ratio) - _USUAL, 0, _MOST_EXPOSURE)
    return float(np.exp(np.copysign(beyond, ratio)))


def _tint(warped: Image, own: Floats, shown: Floats, landmarks: Landmarks) -> Floats:
    """A log gain that gives a reference without colours those of the painted face; else zeros."""
    if tone_curve(warped[::_COARSE, ::_COARSE].reshape(-1, 3)) is None:
        return np.zeros_like(own)
    tint = cv2.GaussianBlur(_colour(shown), (0, 0), _TINT_PX / _COARSE)
    mouth = np.zeros(warped.shape[:2], np.uint8)
    cv2.fillPoly(mouth, [np.round(landmarks[60:]).astype(np.int32)], 1)
    # Teeth would take the colour of lips that were painted closed.
    tint = tint * (1 - _TEETH * _shrink(mouth.astype(np.float32)))[..., None]
    return np.asarray(tint - _colour(own), np.float32)


def _colour(picture: Floats) -> Floats:
    """The logarithms of red, green and blue against that of the brightness."""
    return _logarithm(picture) - _logarithm(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))[..., None]


def _around(median: Floats, sums: Floats) -> Floats:
    """How far each place's log ratio is from the median, at most `_MAX_LOCAL`: (h, w, 3)."""
    both = sums + _NOWHERE * np.append(median, 1).astype(np.float32)
    local = both[..., :3] / both[..., 3:] - median
    # Light varies from place to place more than its colour does.
    grey = local.mean(axis=2, keepdims=True)
    local = grey + _LOCAL_TINT * (local - grey)
    return np.asarray(np.clip(local, -_MAX_LOCAL, _MAX_LOCAL), np.float32)


def relight(picture: Image, how: Relighting) -> Image:
    """The picture, uint8 (S, S, 3), multiplied by the gain, which is spread over it."""
    whole = cv2.resize(how.gain, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    exposed = picture if how.exposure == 1 else picture * np.float32(how.exposure)
    lit = np.clip((exposed + _DARK) * whole - _DARK, 0, 255).round()
    return np.asarray(lit, np.uint8)


def skin(landmarks: Landmarks, shape: tuple[int, int]) -> Floats:
    """Where the face is bare skin, 1 or 0: without eyes, brows and mouth."""
    canvas, points = filled_face(landmarks, shape), np.round(landmarks).astype(np.int32)
    for feature in (range(17, 22), range(22, 27), range(36, 42), range(42, 48), range(48, 60)):
        outline = points[list(feature)]
        cv2.fillPoly(canvas, [outline], 0)
        cv2.polylines(canvas, [outline], True, 0, 9)
    return canvas.astype(np.float32)


def filled_face(landmarks: Landmarks, shape: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """1 inside the outline of jaw and brows, else 0: uint8 `shape`."""
    points = np.round(landmarks).astype(np.int32)
    canvas = np.zeros(shape, np.uint8)
    cv2.fillPoly(canvas, [np.vstack([points[:17], points[26:16:-1]])], 1)
    return canvas


def _shrink(picture: Image | Floats) -> Floats:
    side = (picture.shape[1] // _COARSE, picture.shape[0] // _COARSE)
    return np.asarray(cv2.resize(picture, side, interpolation=cv2.INTER_AREA), np.float32)


def _whole_cells(where: Image | Floats) -> Floats:
    """1 where a cell of the grid lies entirely in `where`: in others the hole shows."""
    return np.asarray(_shrink(where.astype(np.float32)) > 0.999, np.float32)


def _logarithm(picture: npt.NDArray[Any]) -> Floats:
    return np.asarray(np.log(picture + _DARK), np.float32)


def _spread(values: Floats, weight: Floats, sigma_px: float) -> Floats:
    """Weighted sum around each place and, last, the sum of the weights: (h, w, 4)."""
    both = np.dstack([values * weight[..., None], weight]).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(both, (0, 0), sigma_px / _COARSE), np.float32)
