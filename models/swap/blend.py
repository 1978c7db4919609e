"""Joins the reference's lower face to the painted face without a seam."""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from models.pixels import Floats, Image, Landmarks, Mask
from models.swap.colour import filled_face

# Lengths are px of the 256 px frame.
_FEATHER_PX = 3.0
_JAW_PX = 2  # the landmarks' jaw may lie on the background by this much
_SMOOTH_PX = 1.5  # pores and single hairs needn't agree
_LEVELS = 30.0  # of 255: a difference at which two places hardly agree
_NEAR_PX = 10.0  # how far a visible place speaks for a hidden one
_FADE_PX = 12.0  # towards where the reference's photo ends
_DOUBTFUL, _CERTAIN = 0.2, 0.5  # agreement from which the reference counts at all, and fully
_NARROWEST_PX = 3  # that the Poisson solver takes


def swap_weight(
    lit: Image, painted: Image, hole: Mask, landmarks: Landmarks, known: Mask | None = None
) -> Floats:
    """Share of the reference at each pixel.

    On the face it is one. Beyond the jaw (neck, hair, ears, background) it grows with how well the
    reference agrees with what the photo shows next to the hole. It fades towards places that the
    reference's own photo doesn't show.

    Args:
        lit: the reference in the photo's geometry and light, uint8 (S, S, 3).
        painted: uint8 (S, S, 3); the photo beyond the hole.
        hole: bool (S, S), True = painted.
        landmarks: float32 (68, 2), (x, y) px of `lit`.
        known: bool (S, S), True = the reference's photo shows this place; None: all of them.

    Returns:
        float32 (S, S), 0..1: zero outside the hole, rising over 3 px inside it.
    """
    visible = ~hole if known is None else ~hole & known
    reach = np.maximum(_face(hole.shape, landmarks), _agreement(lit, painted, visible))
    if known is not None:
        edge = cv2.distanceTransform(known.astype(np.uint8), cv2.DIST_L2, 5)
        reach = reach * _smooth_step(edge / _FADE_PX)
    # The picture's border is no seam: what lies beyond it is not in the frame.
    padded = cv2.copyMakeBorder(hole.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1]
    return np.asarray(_smooth_step(depth / _FEATHER_PX) * reach, np.float32)


def _face(shape: tuple[int, int], landmarks: Landmarks) -> Floats:
    """One inside the jaw, falling to zero at it."""
    depth = cv2.distanceTransform(filled_face(landmarks, shape), cv2.DIST_L2, 5) - _JAW_PX
    return _smooth_step(depth / _FEATHER_PX)


def _agreement(lit: Image, painted: Image, seen: Mask) -> Floats:
    """How well both pictures agree near each place, where they can be compared, 0..1."""
    apart = lit.astype(np.float32) - painted
    apart = np.abs(cv2.GaussianBlur(apart, (0, 0), _SMOOTH_PX)).max(axis=2)
    visible = seen.astype(np.float32)
    both = np.dstack([np.exp(-np.square(apart / _LEVELS)) * visible, visible])
    both = cv2.GaussianBlur(both, (0, 0), _NEAR_PX)
    share = both[..., 0] / (both[..., 1] + 1e-4)
    return _smooth_step((share - _DOUBTFUL) / (_CERTAIN - _DOUBTFUL))


def _smooth_step(values: npt.NDArray[Any]) -> Floats:
    ramp = np.clip(values, 0, 1)
    return np.asarray(ramp * ramp * (3 - 2 * ramp), np.float32)


def feather(reference: Image, painted: Image, weight: Floats) -> Image:
    """The weighted mean of both, uint8 (S, S, 3)."""
    return np.asarray(cv2.blendLinear(reference, painted, weight, 1 - weight), np.uint8)


def poisson(reference: Image, painted: Image, weight: Floats) -> Image:
    """The reference's gradients inside, the painted face's colours at the edge, uint8 (S, S, 3).

    Perez et al., "Poisson image editing", 2003, doi:10.1145/882262.882269.
    """
    region = (weight > 0.5).astype(np.uint8)
    region[[0, -1]] = region[:, [0, -1]] = 0  # the solver needs a border around the region
    x, y, width, height = cv2.boundingRect(region)
    if min(width, height) < _NARROWEST_PX:
        return painted
    centre = (x + width // 2, y + height // 2)
    cloned = cv2.seamlessClone(reference, painted, region * 255, centre, cv2.NORMAL_CLONE)
    return np.where(region[..., None] > 0, cloned, painted).astype(np.uint8)
