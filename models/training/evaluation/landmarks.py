"""How far the guessed landmarks lie from the true ones, in shares of the eyes' distance."""

import numpy as np

from models.crop.frame import five_points
from models.pixels import Landmarks, Mask

REGIONS = {"jaw": slice(0, 17), "lips": slice(48, 68), "all": slice(0, 68)}


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
    eyes = five_points(truth)[:2]
    distances = np.linalg.norm(guess - truth, axis=1) / np.linalg.norm(eyes[1] - eyes[0])
    hidden = _hidden(truth, mask)
    return {
        name: float(distances[region][hidden[region]].mean())
        for name, region in REGIONS.items()
        if hidden[region].any()
    }


def _hidden(points: Landmarks, mask: Mask) -> Mask:
    height, width = mask.shape
    x, y = np.round(points).astype(int).T
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    covered = mask[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)]
    return np.asarray(inside & covered, np.bool_)
