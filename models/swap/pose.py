"""Tells to which side a head is turned; mirrors a reference (a selfie, or turned the other way)."""

import numpy as np

from models.crop.frame import FRAME_PX
from models.landmarks.order import MIRRORED, NOSE_TIP, eye_centres
from models.pixels import Landmarks, Points
from models.swap.reference import Reference

# In eye distances. Under a mask the turn is guessed to 0.02; heads that face the camera mostly
# have less than 0.05, one turned by 30 degrees 0.3.
_CLEAR = 0.05
# How much farther the photo's head may be turned, in eye distances: the mesh can't turn a nose, and
# about 35 degrees beyond the reference it looks broken.
_FARTHEST = 0.35


def turn(landmarks: Landmarks) -> float:
    """How far the nose's tip lies to the right of the midpoint of the eyes, in eye distances.

    Args:
        landmarks: float32 (68, 2), (x, y) px.
    """
    left, right = eye_centres(landmarks)
    across = right - left
    offset = landmarks[NOSE_TIP] - (left + right) / 2
    return float(offset @ across) / max(float(across @ across), 1.0)


def are_opposite(one: Landmarks, other: Landmarks) -> bool:
    """Whether two heads are clearly turned to opposite sides."""
    low, high = sorted((turn(one), turn(other)))
    return low <= -_CLEAR and high >= _CLEAR


def is_turned_too_far(head: Landmarks, reference: Landmarks) -> bool:
    """Whether a head is turned so much farther than the reference that its nose would break."""
    return abs(turn(head)) - abs(turn(reference)) > _FARTHEST


def mirrored(reference: Reference) -> Reference:
    """A face as a mirror shows it, with its points in their usual order."""
    corners = reference.corners
    if corners is not None:
        left, right, low = corners
        corners = _mirrored_points(np.stack([right, left, right + low - left]))
    face = np.ascontiguousarray(reference.face[:, ::-1])
    return Reference(face, _mirrored_points(reference.landmarks[MIRRORED]), corners)


def _mirrored_points(points: Points) -> Points:
    return np.asarray((FRAME_PX - 1, 0) + points * (-1, 1), np.float32)
