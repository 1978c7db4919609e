"""Contact sheets: pictures side by side, for people to look at."""

from collections.abc import Sequence

import cv2
import numpy as np

from models.pixels import Image, Landmarks, Mask


def contact_sheet(rows: Sequence[Sequence[Image]]) -> Image:
    """Rows of equally large pictures as one picture; short rows are padded with white."""
    columns = max(len(row) for row in rows)
    blank = np.full_like(rows[0][0], 255)
    full = [[*row, *[blank] * (columns - len(row))] for row in rows]
    return np.concatenate([np.concatenate(row, axis=1) for row in full], axis=0)


def with_points(image: Image, points: Landmarks, colour: tuple[int, int, int]) -> Image:
    """A copy with the points as dots."""
    canvas = np.ascontiguousarray(image.copy())
    for x, y in points:
        cv2.circle(canvas, (round(float(x)), round(float(y))), 1, colour, -1, cv2.LINE_AA)
    return canvas


def with_mask(image: Image, mask: Mask, colour: tuple[int, int, int] = (255, 0, 80)) -> Image:
    """A copy with the mask tinted."""
    canvas = image.astype(np.float32)
    canvas[mask] = 0.5 * canvas[mask] + 0.5 * np.array(colour, np.float32)
    return canvas.astype(np.uint8)
