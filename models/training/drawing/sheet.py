"""Where each pixel lies on the mask's cloth, and smooth noise over it."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from models.training.drawing.face import Face, Points
from models.training.drawing.raster import Window
from models.training.drawing.shapes import Shape

Field = npt.NDArray[np.float32]  # (H, W)
Colours = npt.NDArray[np.float32]  # (H, W, 3), RGB, 0..1

_AROUND = np.arcsin(0.9 * np.linspace(-1, 1, 4096)) / np.arcsin(0.9)
_CELLS_PER_UNIT = 28  # fields are smooth, so computed on a coarse grid and enlarged


@dataclass(frozen=True)
class Sheet:
    across: Field  # -1 at the left end, 0 down the middle of the face, 1 at the right end
    down: Field  # 0 on the upper edge, 1 on the lower
    drop: Field  # down the face in local units: prints follow it, not the edges
    edge: Field  # distance to the outline, local units, inside only
    half_width: float  # local units from the middle to an end, mean of both sides
    coarse: tuple[int, int]  # rows and columns of the coarse grid

    @property
    def shape(self) -> tuple[int, int]:
        return self.across.shape[0], self.across.shape[1]

    @property
    def around(self) -> Field:
        """`across` along the curved cloth: prints shrink towards the sides."""
        return look_up(_AROUND, self.across, -1, 1)


def lay_sheet(face: Face, shape: Shape, window: Window, inside: npt.NDArray[np.uint8]) -> Sheet:
    """Sheet coordinates of every pixel in the window."""
    rows, columns = window.shape
    step = max(1.0, face.unit / _CELLS_PER_UNIT)
    coarse = (max(2, round(rows / step)), max(2, round(columns / step)))
    x = window.x0 - 0.5 + (np.arange(coarse[1]) + 0.5) * columns / coarse[1] - face.origin[0]
    y = window.y0 - 0.5 + (np.arange(coarse[0]) + 0.5) * rows / coarse[0] - face.origin[1]
    (ax, ay), (bx, by) = face.axes / face.unit
    local_x, local_y = x * ax + y[:, None] * ay, x * bx + y[:, None] * by
    upper, lower = _height(shape.top, local_x), _height(shape.bottom, local_x)
    down = np.clip((local_y - upper) / np.maximum(lower - upper, 0.08), -0.3, 1.3)
    middle = face.points[[27, 29, 30, 33, 51, 57, 8]]
    rising = np.maximum.accumulate(middle[:, 1] + np.arange(7) * 1e-6)
    offset = local_x - np.interp(local_y, rising, middle[:, 0])
    left = max(0.15, middle[3, 0] - shape.outline[:, 0].min())
    right = max(0.15, shape.outline[:, 0].max() - middle[3, 0])
    across = np.clip(offset / np.where(offset < 0, left, right), -1.1, 1.1)
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, 3) / face.unit
    coordinates = cv2.merge([field.astype(np.float32) for field in (across, down, local_y)])
    full = cv2.resize(coordinates, (columns, rows), interpolation=cv2.INTER_CUBIC)
    return Sheet(
        np.ascontiguousarray(full[..., 0], np.float32),
        np.ascontiguousarray(full[..., 1], np.float32),
        np.ascontiguousarray(full[..., 2], np.float32),
        np.asarray(depth, np.float32),
        float(left + right) / 2,
        coarse,
    )


def enlarge(field: npt.NDArray[np.floating], size: tuple[int, int]) -> Field:
    """A coarse field at full size (rows, columns)."""
    full = cv2.resize(field.astype(np.float32), size[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(full, np.float32)


def smooth_noise(
    rng: np.random.Generator, cells: tuple[int, int], size: tuple[int, int], channels: int = 1
) -> npt.NDArray[np.float32]:
    """Random bumps, about -1..1: `cells` rows and columns of them over `size`."""
    seeds = rng.uniform(-1, 1, (max(2, cells[0]), max(2, cells[1]), channels)).astype(np.float32)
    return np.asarray(cv2.resize(seeds, size[::-1], interpolation=cv2.INTER_CUBIC), np.float32)


def look_up(curve: npt.NDArray[np.floating], field: Field, low: float, high: float) -> Field:
    """Values of a curve sampled evenly over low..high, at each pixel of a field."""
    index = (field - np.float32(low)) * np.float32((len(curve) - 1) / (high - low))
    return np.take(curve.astype(np.float32), index.astype(np.int32), mode="clip")


def in_colour(field: Field) -> Colours:
    """The field repeated as factors for red, green and blue."""
    return np.asarray(cv2.merge((field, field, field)), np.float32)


def _height(edge: Points, x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    rising = np.maximum.accumulate(edge[:, 0] + np.arange(len(edge)) * 1e-6)
    return np.asarray(np.interp(x, rising, edge[:, 1]))
