"""Joins the reference's lower face to the painted face without a seam."""

import cv2
import numpy as np
import numpy.typing as npt

from models.pixels import Image, Landmarks, Mask
from models.swap.colour import face_outline

Floats = npt.NDArray[np.float32]

_FEATHER_PX = 8.0  # of the frame
_JAW_PX = 2  # the landmarks' jaw may lie on the background by this much


def swap_weight(hole: Mask, landmarks: Landmarks) -> Floats:
    """Share of the reference at each pixel.

    Args:
        hole: bool (S, S), True = painted.
        landmarks: float32 (68, 2), (x, y) px of the painted face.

    Returns:
        float32 (S, S), 0..1: zero beyond the hole or the face, rising over 8 px inside of both.
    """
    face = np.zeros(hole.shape, np.uint8)
    cv2.fillPoly(face, [face_outline(np.round(landmarks).astype(np.int32))], 1)
    face = cv2.erode(face, np.ones((2 * _JAW_PX + 1,) * 2, np.uint8)).astype(np.uint8)
    # The picture's border is no seam: what lies beyond it is not in the frame.
    padded = cv2.copyMakeBorder(face * hole, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1]
    ramp = np.clip(depth / _FEATHER_PX, 0, 1)
    return np.asarray(ramp * ramp * (3 - 2 * ramp), np.float32)


def feather(reference: Image, painted: Image, weight: Floats) -> Image:
    """The weighted mean of both, uint8 (S, S, 3)."""
    return np.asarray(cv2.blendLinear(reference, painted, weight, 1 - weight), np.uint8)


def poisson(reference: Image, painted: Image, weight: Floats) -> Image:
    """The reference's gradients inside, the painted face's colours at the edge, uint8 (S, S, 3).

    Perez et al., "Poisson image editing", 2003, doi:10.1145/882262.882269.
    """
    region = (weight > 0).astype(np.uint8)
    region[[0, -1]] = region[:, [0, -1]] = 0  # the solver needs a border around the region
    if not region.any():
        return painted
    x, y, width, height = cv2.boundingRect(region)
    centre = (x + width // 2, y + height // 2)
    cloned = cv2.seamlessClone(reference, painted, region * 255, centre, cv2.NORMAL_CLONE)
    return np.where(region[..., None] > 0, cloned, painted).astype(np.uint8)
