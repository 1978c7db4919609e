"""Faces that the photo shows finer than the editor paints: do they become more than larger pixels?

All ways paste the same picture of the net; each does one thing more than the one before.
- `BICUBIC` enlarges it as it is.
- `LIFTED` first lifts it at 256 px (`lift_detail`), as the service does with faces of every size.
- `SERVED` clears it once more (`lift_large`), adds grain like the surrounding skin's, and lets the
  paste enlarge in one step. The first two are first enlarged to a whole multiple of 256 px, at
  which the paste adds no grain.
- `SHARPENED` is also sharpened.
What is done for large faces in particular is `SERVED` against `LIFTED`, not against `BICUBIC`.
"""

import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from models.crop.frame import FRAME_PX, scale_of
from models.inpaint.lift import lift_detail, lift_large
from models.paste.grain import is_finer
from models.paste.paste import paste_face
from models.pixels import Affine, Image, Mask
from models.training.evaluation.folder import Case
from models.training.evaluation.marks import PictureMarks, compare
from models.training.evaluation.service import Service
from models.training.pictures import read_image, read_mask, write_image

BICUBIC, LIFTED = "bicubic enlargement", "bicubic of the lifted 256 px result"
SERVED, SHARPENED = "as served", "as served, sharpened"
_FOLDERS = {BICUBIC: "large_bicubic", SERVED: "large"}


@dataclass(frozen=True)
class LargeScore:
    """One large face."""

    id: str
    finer: float  # px of the photo per px of the patch
    marks: dict[str, PictureMarks]  # of the ways to enlarge
    seconds: dict[str, float]  # of processor time, from the net's picture to the photo's


def score_large(case: Case, service: Service, out: Path) -> LargeScore | None:
    """Pastes one painted face in each way, with the true mask.

    Args:
        case: has a truth.
        service: paints the face.
        out: gets large/ID.png (as served) and large_bicubic/ID.png.

    Returns:
        None if no face was found, or it isn't finer than the patch.
    """
    assert case.truth is not None
    found = service.find_mask(case.photo)
    if found is None or not is_finer(found.frame, FRAME_PX):
        return None
    masked, mask, truth = read_image(case.photo), read_mask(case.mask), read_image(case.truth)
    painted, hole = service.fill(case.photo, found.frame, mask)
    marks, seconds = {}, {}
    for way in (BICUBIC, LIFTED, SERVED, SHARPENED):
        photo = masked.copy()
        start = time.process_time()  # includes OpenCV's threads
        _paste(way, photo, painted, hole, found.frame)
        seconds[way] = time.process_time() - start
        marks[way] = compare(photo, truth, mask)
        if way in _FOLDERS:
            write_image(out / _FOLDERS[way] / f"{case.id}.png", photo)
    return LargeScore(case.id, 1 / scale_of(found.frame), marks, seconds)


def _paste(way: str, photo: Image, painted: Image, hole: Mask, frame: Affine) -> None:
    patch = painted if way == BICUBIC else lift_detail(painted, hole)
    if way in (BICUBIC, LIFTED):
        side = patch.shape[0] * int(np.ceil(1 / scale_of(frame)))
        larger = cv2.resize(patch, (side, side), interpolation=cv2.INTER_CUBIC)
        patch = np.asarray(larger, np.uint8)
    else:
        patch = lift_large(patch, hole)
    paste_face(photo, patch, hole, frame, sharpen=way == SHARPENED)
