"""Crops without a face, such as the detector finds by mistake: hands, prints, folds."""

from collections.abc import Sequence

import cv2
import numpy as np

from models.crop.frame import FRAME_PX
from models.pixels import Image
from models.training.crop.labels import Picture

_TRIES = 20
_SIDES = (0.06, 0.6)  # smallest and largest square, shares of the photo's shorter side


def draw_background(scenes: Sequence[Picture], rng: np.random.Generator) -> Image:
    """A random square of a random photo that touches none of its labelled faces.

    Args:
        scenes: photos with boxes; unlabelled faces may slip in.
        rng: source of randomness.

    Returns:
        uint8 (256, 256, 3); plain grey if none was found.
    """
    for _ in range(_TRIES):
        scene = scenes[int(rng.integers(len(scenes)))]
        photo = scene.image
        height, width = photo.shape[:2]
        side = int(np.exp(rng.uniform(*np.log(_SIDES))) * min(height, width))
        x, y = int(rng.integers(width - side)), int(rng.integers(height - side))
        low, high = scene.boxes[:, :2], scene.boxes[:, 2:]
        apart = (high < (x, y)).any(axis=1) | (low > (x + side, y + side)).any(axis=1)
        if side >= 8 and apart.all():
            square = photo[y : y + side, x : x + side]
            return np.asarray(cv2.resize(square, (FRAME_PX, FRAME_PX)), np.uint8)
    return np.full((FRAME_PX, FRAME_PX, 3), 128, np.uint8)
