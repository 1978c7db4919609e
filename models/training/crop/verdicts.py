"""People's verdicts on found boxes that nobody labelled.

A CSV file with the columns photo, x0, y0, x1, y1 (px of the photo) and verdict: `face` or
`false`. Verdicts are matched by overlap, so they hold for another detector's boxes too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.crop.detect import Boxes, box_iou
from models.errors import Mask2FaceError
from models.training.csv_rows import read_rows

COLUMNS = ("photo", "x0", "y0", "x1", "y1", "verdict")
_WORDS = {"face": True, "false": False}  # Excel saves FALSE, and a BOM
_SAME_IOU = 0.5


class VerdictsError(Mask2FaceError):
    """The file isn't laid out as described at the top of this module."""


@dataclass(frozen=True)
class Verdict:
    """Whether one box shows a face."""

    photo: str
    box: tuple[float, float, float, float]  # px of the photo
    face: bool


def read_verdicts(path: Path) -> list[Verdict]:
    """The verdicts of a file; rows without a verdict are skipped.

    Raises:
        VerdictsError: a column is missing, a value can't be read, or the file isn't in UTF-8.
    """
    columns, rows = read_rows(path, VerdictsError)
    if missing := sorted({*COLUMNS} - {*columns}):
        raise VerdictsError(f"{path} lacks the columns {missing}.")
    return [_verdict(path, row) for row in rows if row["verdict"]]


def _verdict(path: Path, row: dict[str, str]) -> Verdict:
    try:
        x0, y0, x1, y1 = (float(row[name]) for name in COLUMNS[1:5])
        return Verdict(row["photo"], (x0, y0, x1, y1), _WORDS[row["verdict"].lower()])
    except (KeyError, ValueError):
        raise VerdictsError(
            f"{path}: {row} needs four numbers and the verdict 'face' or 'false'."
        ) from None


def is_face(photo: str, box: Boxes, verdicts: Sequence[Verdict]) -> bool | None:
    """What the verdicts say about a box; None if none covers it.

    Args:
        photo: the photo's name.
        box: float32 (4,), px of the photo.
        verdicts: may include other photos.
    """
    own = [verdict for verdict in verdicts if verdict.photo == photo]
    if not own:
        return None
    overlaps = box_iou(box[None], np.array([v.box for v in own], np.float32))[0]
    best = int(overlaps.argmax())
    return own[best].face if overlaps[best] >= _SAME_IOU else None
