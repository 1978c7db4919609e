"""Antialiased polygons and lines."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from models.training.drawing.face import Points

Coverage = npt.NDArray[np.uint8]  # (H, W), 0 none .. 255 full

_BITS = 4  # fraction bits of OpenCV's fixed-point coordinates
_FAR = 2.0**24  # keeps far-off points within 32 bits


@dataclass(frozen=True)
class Window:
    """The part of the photo that is drawn on: columns x0..x1, rows y0..y1 (ends excluded)."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def shape(self) -> tuple[int, int]:
        return self.y1 - self.y0, self.x1 - self.x0


def fill_polygon(canvas: Coverage, window: Window, polygon: Points) -> None:
    """Fills a polygon given in px of the photo."""
    cv2.fillPoly(canvas, [_fixed(window, polygon)], 255, cv2.LINE_AA, _BITS)


def draw_line(canvas: Coverage, window: Window, path: Points, width_px: int) -> None:
    """Draws an open line given in px of the photo."""
    cv2.polylines(canvas, [_fixed(window, path)], False, 255, width_px, cv2.LINE_AA, _BITS)


def _fixed(window: Window, points: Points) -> npt.NDArray[np.int32]:
    shifted = (points - (window.x0, window.y0)) * 2**_BITS
    return np.asarray(np.round(np.clip(shifted, -_FAR, _FAR)), np.int32)
