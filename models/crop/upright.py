"""Finds the faces of a photo whichever way up it is; most photos need one full pass.

The detector knows upright faces only. On a face rotated by 90° it finds little. Upside down, it
takes mask and chin for a forehead and is nearly as sure as of an upright face, in half of 430
photos. Only a second look tells those.
"""

from collections.abc import Awaitable, Callable

import cv2
import numpy as np

from models.crop.detect import GREY, MIN_SCORE, Face
from models.crop.frame import transform
from models.pixels import Affine, Image
from models.runner import Runner

Detect = Callable[[Image], Awaitable[list[Face]]]

# Nine in ten upright photos score more; of photos rotated by 90°, one in a hundred does.
TURN_BELOW = 0.55
# Bare upright faces score more; upside down, nine in ten score less.
TURN_REFERENCE_BELOW = 0.67
_CLEARLY = 1.2  # how many times as much the faces of another rotation must be worth
# Score minus width / height of the box: 99 in 100 upside-down faces are below, half of the others.
_LOOK_BELOW = -0.1
_LOOK_PX = 96  # side of each of the two views; padded to 128 x 192, they cost a tenth of a thumb
_AROUND = 1.6  # side of a view, in sides of the face


async def find_any_way_up(
    thumb: Image, detect: Detect, run: Runner, turn_below: float = TURN_BELOW
) -> list[Face]:
    """The faces of a thumb, in its px, all from the one rotation that shows most.

    Args:
        thumb: uint8 (H, W, 3).
        detect: finds upright faces, best first.
        run: rotates the thumb in a thread.
        turn_below: if the best face scores less, all rotations are tried.

    Returns:
        Best first; the faces of the thumb as it came, unless another rotation is clearly better.
    """
    turns: tuple[int, ...] = (1, 2, 3)
    needed = _CLEARLY
    found = await detect(thumb)
    if found and found[0].score >= turn_below:
        if not await _is_upside_down(thumb, found[0], detect, run):
            return found
        turns, needed = (2,), 1.0  # the second look has already said so
    best, least = found, needed * rotation_score(found)
    for quarters in turns:
        faces = await detect(await run(rotated, thumb, quarters))
        if rotation_score(faces) > least:
            best = [rotated_back(face, quarters, thumb.shape) for face in faces]
            least = rotation_score(faces)
    return best


def rotated(image: Image, quarters: int) -> Image:
    """The picture, rotated anticlockwise by so many quarter turns."""
    return np.ascontiguousarray(np.rot90(image, quarters))


def rotated_back(face: Face, quarters: int, shape: tuple[int, ...]) -> Face:
    """A face of the rotated picture, in px of the original.

    Args:
        face: in px of what `rotated` returned.
        quarters: as passed to `rotated`.
        shape: height and width of the original, px.

    Returns:
        Its points keep their order on the face, so the frame fitted to them is rotated.
    """
    right, low = shape[1] - 1, shape[0] - 1
    back: Affine = np.array(
        {
            0: [[1, 0, 0], [0, 1, 0]],
            1: [[0, -1, right], [1, 0, 0]],
            2: [[-1, 0, right], [0, -1, low]],
            3: [[0, 1, 0], [-1, 0, low]],
        }[quarters],
        np.float32,
    )
    corners = transform(face.box.reshape(2, 2), back)
    box = np.concatenate([corners.min(axis=0), corners.max(axis=0)])
    return Face(box, face.score, transform(face.points, back))


def rotation_score(faces: list[Face]) -> float:
    """How good a rotation is: many sure faces count more than one, or than many doubtful ones."""
    return sum((face.score - MIN_SCORE) ** 2 for face in faces)


def may_be_upside_down(face: Face) -> bool:
    """Whether a second look at the best face of a photo is worth its time."""
    width, height = face.box[2:] - face.box[:2]
    return bool(face.score - width / max(height, 1e-6) < _LOOK_BELOW)


def with_upside_down(thumb: Image, face: Face) -> Image:
    """A face as found and, to its right, rotated by 180°: uint8 (96, 192, 3)."""
    scale = _LOOK_PX / (_AROUND * max(float((face.box[2:] - face.box[:2]).max()), 1.0))
    middle = (_LOOK_PX - 1) / 2 - scale * (face.box[:2] + face.box[2:]) / 2
    to_look = np.array([[scale, 0, middle[0]], [0, scale, middle[1]]], np.float32)
    # Grey beyond the photo: a mirror image would be upside down as well.
    seen = cv2.warpAffine(thumb, to_look, (_LOOK_PX, _LOOK_PX), borderValue=(GREY,) * 3)
    return np.concatenate([seen, seen[::-1, ::-1]], axis=1).astype(np.uint8)


def is_upside_down(found: list[Face]) -> bool:
    """Whether the best of the faces found in `with_upside_down` is the one turned upside down."""
    return bool(found) and float(found[0].box[[0, 2]].mean()) > _LOOK_PX - 0.5


async def _is_upside_down(thumb: Image, face: Face, detect: Detect, run: Runner) -> bool:
    if not may_be_upside_down(face):
        return False
    return is_upside_down(await detect(await run(with_upside_down, thumb, face)))
