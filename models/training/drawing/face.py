"""A face's own coordinates, and how an outline is made independent of its landmarks.

Local coordinates: origin under the nose, x along the eyes, y down the face, one unit =
bridge of the nose to chin. All shapes of masks are given in them.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.landmarks.order import eye_centres
from models.pixels import Landmarks

Points = npt.NDArray[np.float64]  # (N, 2), (x, y), local unless said otherwise

_BRIDGE, _UNDER_NOSE, _CHIN = 27, 33, 8
_MIN_UNIT_PX = 4.0


@dataclass(frozen=True)
class Face:
    origin: Points  # (2,) px
    axes: Points  # (2, 2): rows are the local x and y directions in px, unit length
    unit: float  # px
    points: Points  # (68, 2) local

    def to_px(self, local: Points) -> Points:
        """Local points to px of the image."""
        return np.asarray(self.origin + self.unit * (local @ self.axes))

    def line_px(self, width: float) -> int:
        """A line's width in px, rounded, at least 1."""
        return max(1, round(width * self.unit))

    def jaw(self, index: float, reach: float = 1.0) -> Points:
        """A point of the jaw line (0..16, fractions allowed); reach > 1 stands off the face."""
        low = min(int(index), 15)
        on_jaw = self.points[low] + (index - low) * (self.points[low + 1] - self.points[low])
        centre = self.points[_UNDER_NOSE]
        return np.asarray(centre + reach * (on_jaw - centre))

    def ridge(self, position: float) -> Points:
        """A point on the midline: 0 bridge of the nose, 3 its tip, 4 under it, 5 upper lip."""
        middle = self.points[[27, 28, 29, 30, 33, 51]]
        low = min(int(position), 4)
        return np.asarray(middle[low] + (position - low) * (middle[low + 1] - middle[low]))

    @property
    def yaw(self) -> float:
        """-1..1: below 0, the left side of the picture is the far one; above 0, the right one."""
        x = self.points[:, 0]
        left, right = x[_BRIDGE] - x[0:3].mean(), x[14:17].mean() - x[_BRIDGE]
        return float(np.clip((left - right) / max(abs(left) + abs(right), 1e-6), -1, 1))


def measure(landmarks: Landmarks) -> Face:
    """Measures a face's local coordinates.

    Args:
        landmarks: float32 (68, 2), (x, y) px, iBUG order.
    """
    points = landmarks.astype(np.float64)
    left, right = eye_centres(points)
    across = right - left
    across /= max(float(np.hypot(*across)), 1e-6)
    axes = np.stack([across, np.array([-across[1], across[0]])])
    height = float(np.hypot(*(points[_CHIN] - points[_BRIDGE])))
    width = float(np.hypot(*(points[16] - points[0])))
    unit = max(height, 0.65 * width, _MIN_UNIT_PX)
    origin = points[_UNDER_NOSE]
    return Face(origin, axes, unit, (points - origin) @ axes.T / unit)


def loosen(face: Face, rng: np.random.Generator, strength: float) -> Face:
    """The same face with its points moved together, so that a mask drawn on them reveals little.

    Args:
        face: as measured.
        rng: source of randomness.
        strength: 1 for training, 0 leaves the points alone.

    A mask drawn exactly on the landmarks gives them away: nets trained on such masks read them
    off the outline, and fail on masks that sit differently.
    """
    wide, high = 1 + strength * rng.uniform(-0.15, 0.2, 2)
    sides = 1 + strength * rng.uniform(-0.08, 0.08, 2)
    angle = strength * np.radians(rng.normal(0, 3.5))
    shear = strength * rng.normal(0, 0.04)
    shift = strength * rng.normal(0, 0.035, 2)
    points = face.points.copy()
    points[:, 0] *= np.where(points[:, 0] < 0, sides[0], sides[1]) * wide
    points[:, 1] *= high
    points[:, 0] += shear * points[:, 1]
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return Face(face.origin, face.axes, face.unit, points @ turn + shift)
