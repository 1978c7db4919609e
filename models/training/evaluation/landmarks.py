"""How far guessed landmarks are from the true ones, in eye distances."""

from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from models.crop.frame import five_points
from models.pixels import Image, Landmarks, Mask
from models.training.drawing.face import measure
from models.training.sheets import with_points

View = Literal["frontal", "half", "profile", "unknown"]

REGIONS = {
    "jaw": np.r_[0:17],
    "brows": np.r_[17:27],
    "nose": np.r_[27:36],
    "eyes": np.r_[36:48],
    "lips": np.r_[48:68],
    "lips and jaw": np.r_[0:17, 48:68],
    "all": np.r_[0:68],
}
VIEWS: tuple[View, ...] = ("frontal", "half", "profile", "unknown")
_HALF, _PROFILE = 0.25, 0.5  # yaw from which a view is half, full profile
_TRUE, _GUESSED = (0, 255, 0), (255, 0, 0)


def hidden_errors(guess: Landmarks, truth: Landmarks, mask: Mask) -> dict[str, float]:
    """Mean distance of the points under the mask, by region of the face.

    Args:
        guess: float32 (68, 2), (x, y) px, iBUG order.
        truth: the same.
        mask: bool (H, W), True = hidden; points outside of the picture count as seen.

    Returns:
        Region -> share of the distance between the eyes' centres; regions without a hidden
        point are left out.
    """
    return _errors(guess, truth, _hidden(truth, mask))


def bare_errors(guess: Landmarks, truth: Landmarks) -> dict[str, float]:
    """Mean distance of all points, by region, like `hidden_errors`."""
    return _errors(guess, truth, np.ones(len(truth), np.bool_))


def view_of(points: Landmarks | None) -> View:
    """The view of a face, by how much nearer the nose is to one side of the jaw than to the other.

    Args:
        points: float32 (68, 2), (x, y) px, iBUG order.
    """
    if points is None:
        return "unknown"
    yaw = abs(measure(points).yaw)
    return "profile" if yaw >= _PROFILE else "half" if yaw >= _HALF else "frontal"


def draw_errors(image: Image, guess: Landmarks, truth: Landmarks) -> Image:
    """A copy with the true points green, the guessed ones red, joined by lines."""
    canvas = np.ascontiguousarray(image.copy())
    for start, end in zip(truth, guess, strict=True):
        (x0, y0), (x1, y1) = np.round(start).astype(int), np.round(end).astype(int)
        cv2.line(canvas, (int(x0), int(y0)), (int(x1), int(y1)), (255, 255, 0), 1, cv2.LINE_AA)
    return with_points(with_points(canvas, guess, _GUESSED), truth, _TRUE)


def _errors(guess: Landmarks, truth: Landmarks, counted: Mask) -> dict[str, float]:
    eyes = five_points(truth)[:2]
    distances = np.linalg.norm(guess - truth, axis=1) / np.linalg.norm(eyes[1] - eyes[0])
    return {
        name: float(distances[region][counted[region]].mean())
        for name, region in REGIONS.items()
        if counted[region].any()
    }


def _hidden(points: Landmarks, mask: Mask) -> npt.NDArray[np.bool_]:
    height, width = mask.shape
    x, y = np.round(points).astype(int).T
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    covered = mask[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)]
    return np.asarray(inside & covered, np.bool_)
