"""Landmarks drawn as thin lines, which tell the generator where things are."""

import cv2
import numpy as np

from models.pixels import Image, Landmarks, Mask

# iBUG groups, and whether the line is closed.
_LINES = (
    (range(17), False),  # jaw
    (range(17, 22), False),  # brows
    (range(22, 27), False),
    (range(27, 31), False),  # nose
    (range(31, 36), False),
    (range(36, 42), True),  # eyes
    (range(42, 48), True),
    (range(48, 60), True),  # lips
    (range(60, 68), True),
)
_SHIFT = 4  # cv2 takes fixed-point coordinates with this many fractional bits


def draw_lines(landmarks: Landmarks, hole: Mask) -> Image:
    """Draws the face's lines inside the hole.

    Args:
        landmarks: float32 (68, 2), (x, y) px of the frame, iBUG order.
        hole: bool (H, W), True = draw here.

    Returns:
        uint8 (H, W), 255 on a line, antialiased, 0 elsewhere and outside the hole.
    """
    canvas = np.zeros(hole.shape, np.uint8)
    fixed = np.round(np.clip(landmarks, -500, 1000) * (1 << _SHIFT)).astype(np.int32)
    for group, closed in _LINES:
        line = fixed[list(group)].reshape(-1, 1, 2)
        cv2.polylines(canvas, [line], closed, 255, 1, cv2.LINE_AA, _SHIFT)
    return canvas * hole
