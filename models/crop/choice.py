"""Which of the detected faces the caller means."""

import numpy as np

from models.choices import FaceChoice
from models.crop.detect import Face
from models.errors import BadRequestError


def choose(faces: list[Face], which: FaceChoice) -> list[list[int]]:
    """Which faces the caller means, by their indices in the list.

    Returns:
        Groups of faces to try in turn, until one has a sure face: all faces or the named ones are
        one group; of "largest", each face is a group, the largest first.

    Raises:
        BadRequestError: an index without a face.
    """
    if which == "all":
        return [list(range(len(faces)))]
    if which == "largest":
        areas = [-float(np.prod(face.box[2:] - face.box[:2])) for face in faces]
        return [[int(index)] for index in np.argsort(areas, kind="stable")]
    wrong = [index for index in which if not 0 <= index < len(faces)]
    if wrong:
        last = len(faces) - 1
        known = (
            f"the photo's faces are numbered 0 to {last}" if last else "the photo's only face is 0"
        )
        raise BadRequestError(f"faces={wrong[0]}: no such face; {known}.")
    return [list(which)]
