"""Where the photo ends within a frame; beyond it the frame shows a mirror image."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from models.crop.frame import FRAME_PX, transform
from models.pixels import Affine, Mask, Points

# Along the photo's edge: a strap that crosses it is narrower, even with its rim.
_REACH_PX = 18


def photo_corners(to_frame: Affine, shape: tuple[int, int]) -> Points:
    """Where a photo's upper left, upper right and lower left corners lie in the frame.

    Args:
        to_frame: photo px to frame px.
        shape: height and width of the photo, px.

    Returns:
        float32 (3, 2), (x, y) px of the frame.
    """
    right, bottom = shape[1] - 0.5, shape[0] - 0.5
    edge = np.array([(-0.5, -0.5), (right, -0.5), (-0.5, bottom)], np.float32)
    return transform(edge, to_frame)


def lies_inside(points: Points, corners: Points) -> Mask:
    """Which points of the frame show the photo itself, not its mirror image.

    Args:
        points: float32 (..., 2), (x, y) px of the frame.
        corners: see `photo_corners`.

    Returns:
        bool (...).
    """
    along = _along(points, corners)
    return np.asarray(((along >= 0) & (along <= 1)).all(axis=-1), np.bool_)


def inside_photo(corners: Points) -> Mask:
    """Which pixels of the frame show the photo itself, bool (256, 256); see `lies_inside`."""
    if _fills_frame(corners):
        return np.ones((FRAME_PX, FRAME_PX), np.bool_)
    return lies_inside(_pixels(), corners)


def extend_beyond_photo(
    holes: Sequence[Mask], frames: Sequence[Affine], shape: tuple[int, int]
) -> list[Mask]:
    """Extends the holes that reach the photo's edge by all that lies beyond it.

    There a frame shows a mirror image, mask included: the face painted next to it would blend into
    a mask.

    Args:
        holes: bool (256, 256), True = painted; one per face.
        frames: photo px to frame px.
        shape: height and width of the photo, px.

    Returns:
        The holes; those that don't reach the photo's edge are the same objects.
    """
    extended = []
    for hole, frame in zip(holes, frames, strict=True):
        beyond = beyond_touched_edges(hole, photo_corners(frame, shape))
        extended.append(hole | beyond if beyond.any() else hole)
    return extended


def beyond_touched_edges(mask: Mask, corners: Points) -> Mask:
    """What lies beyond those of the photo's edges that a mask reaches, bool (256, 256).

    Args:
        mask: bool (256, 256).
        corners: of the photo, see `photo_corners`.
    """
    beyond = np.zeros_like(mask)
    if _fills_frame(corners):
        return beyond
    along = _along(_pixels(), corners)
    sides = np.concatenate([along < 0, along > 1], axis=-1)  # beyond left, top, right, bottom
    inside = ~sides.any(axis=-1)
    for side in np.moveaxis(sides, -1, 0):
        near = cv2.dilate(side.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        if np.count_nonzero(mask & inside & near) >= _REACH_PX:
            beyond |= side
    return beyond


def _fills_frame(corners: Points) -> bool:
    """Whether the frame shows nothing beyond the photo, the usual case."""
    ends = np.array([(x, y) for x in (0, FRAME_PX - 1) for y in (0, FRAME_PX - 1)], np.float32)
    return bool(lies_inside(ends, corners).all())


def _along(points: Points, corners: Points) -> npt.NDArray[np.float64]:
    """How far across and down the photo points lie, 0..1 if inside, (..., 2)."""
    sides = (corners[1:] - corners[0]).astype(np.float64)
    return np.asarray((points - corners[0]) @ sides.T / np.square(sides).sum(axis=1))


def _pixels() -> Points:
    """The (x, y) of each px of the frame, float32 (256, 256, 2)."""
    y, x = np.mgrid[:FRAME_PX, :FRAME_PX].astype(np.float32)
    return np.stack([x, y], axis=-1)
