"""Photos that lie on their side or stand on their head: the detector knows upright faces alone.

On a face that lies it finds little; upside down it takes mask and chin for a forehead, and is
nearly as sure as of an upright one: of 430 photos half were. Only a second look tells those.
"""

import cv2
import numpy as np

from models.crop.detect import MIN_SCORE, Face
from models.crop.frame import transform
from models.pixels import Affine, Image

# Nine in ten upright photos score more, one in a hundred of those on their side does.
TURN_BELOW = 0.55
# Bare upright faces score more; upside down nine in ten score less.
TURN_REFERENCE_BELOW = 0.67
CLEARLY = 1.2  # how much more the faces of another turn must be worth
# Faces upside down are found too wide for their score: 99 in 100, and half of the upright ones.
_PLAIN = -0.1
_LOOK_PX = 96  # each way; costs a fourteenth of a thumb
_AROUND = 1.6  # that much more than the face is seen
_GREY = 114


def turned(image: Image, quarters: int) -> Image:
    """The picture, turned so many quarters to the left."""
    return np.ascontiguousarray(np.rot90(image, quarters))


def turned_back(face: Face, quarters: int, shape: tuple[int, ...]) -> Face:
    """A face of the turned picture in px of the picture as it was.

    Args:
        face: px of what `turned` gave.
        quarters: as `turned` had it.
        shape: height and width of the picture as it was, px.

    Returns:
        Its points stay in the order of the face, so the frame that they give is turned.
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


def worth(faces: list[Face]) -> float:
    """How much a turn shows: many sure faces count more than one, and than many doubtful ones."""
    return sum((face.score - MIN_SCORE) ** 2 for face in faces)


def may_be_upside_down(face: Face) -> bool:
    """Whether a second look at the best face of a photo is worth its time."""
    width, height = face.box[2:] - face.box[:2]
    return bool(face.score - width / max(height, 1e-6) < _PLAIN)


def both_ways(thumb: Image, face: Face) -> Image:
    """A face as it was found and, to its right, upside down: uint8 (96, 192, 3)."""
    scale = _LOOK_PX / (_AROUND * max(float((face.box[2:] - face.box[:2]).max()), 1.0))
    middle = (_LOOK_PX - 1) / 2 - scale * (face.box[:2] + face.box[2:]) / 2
    to_look = np.array([[scale, 0, middle[0]], [0, scale, middle[1]]], np.float32)
    # What lies beyond the photo must not be its mirror image: that is upside down, too.
    seen = cv2.warpAffine(thumb, to_look, (_LOOK_PX, _LOOK_PX), borderValue=(_GREY,) * 3)
    return np.concatenate([seen, seen[::-1, ::-1]], axis=1).astype(np.uint8)


def is_upside_down(found: list[Face]) -> bool:
    """What was found in `both_ways`, best first, tells."""
    return bool(found) and float(found[0].box[[0, 2]].mean()) > _LOOK_PX - 0.5
