"""Scores the detector on photos with hand-drawn boxes."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.crop.detect import MIN_SCORE, Boxes, Detector, box_iou, detect_faces, to_thumb
from models.training.crop.labels import Picture, read_scenes

MATCH_IOU = 0.5
SMALLEST_PX = 48.0  # faces below don't count towards `recall`
_SIZES = (0.0, 16.0, 32.0, 48.0, 96.0, 192.0, float("inf"))


@dataclass(frozen=True)
class SceneScore:
    """How well the faces of some photos were found."""

    photos: int
    faces: int  # at least SMALLEST_PX large
    recall: float  # share of these that were found
    recall_by_size: dict[str, tuple[float, int]]  # side in px -> share found, how many there are
    false_positives: float  # found faces that are none, a photo
    mean_iou: float  # of all faces that were found


def score_scenes(
    detector: Detector,
    source: Path,
    names: Callable[[str], bool] | None = None,
    min_score: float = MIN_SCORE,
) -> SceneScore:
    """Runs the detector on photos and compares with their boxes.

    Args:
        detector: from `load_detector`.
        source: zip or folder with pictures and boxes.json.
        names: which pictures count, by name; `is_held_back` for the tenth that is never
            trained on. All without it.
        min_score: as in `detect_faces`.

    Returns:
        Recall and false positives; a face is found by the box that overlaps it by an IoU of
        at least 0.5, each box finds one. The side of a face is the root of its area, photo px.

    Raises:
        ValueError: no picture is left to score.
    """
    pictures = [p for p in read_scenes(source) if names is None or names(p.name)]
    if not pictures:
        raise ValueError(f"{source} holds no picture to score: look at its boxes.json.")
    matches = [_match(detector, picture, min_score) for picture in pictures]
    sides = np.concatenate([side for side, _, _ in matches])
    overlaps = np.concatenate([overlap for _, overlap, _ in matches])
    found = overlaps > 0
    large = sides >= SMALLEST_PX
    return SceneScore(
        photos=len(pictures),
        faces=int(large.sum()),
        recall=_share(found[large]),
        recall_by_size=_by_size(sides, found),
        false_positives=sum(wrong for _, _, wrong in matches) / len(pictures),
        mean_iou=float(overlaps[found].mean()) if found.any() else 0.0,
    )


def match_boxes(found: Boxes, truth: Boxes) -> Boxes:
    """Pairs found boxes, best first, with true ones.

    Returns:
        float32 (number of true boxes,): IoU with the box that found it, 0 where none did.
    """
    matched = np.zeros(len(truth), np.float32)
    for row in box_iou(found, truth):
        row = np.where(matched > 0, 0, row)
        if len(row) and row.max() >= MATCH_IOU:
            matched[row.argmax()] = row.max()
    return matched


def _match(detector: Detector, picture: Picture, min_score: float) -> tuple[Boxes, Boxes, int]:
    """Sides of the true faces, IoU of the box that found each, number of wrong boxes."""
    thumb = to_thumb(picture.decode())
    faces = [thumb.to_photo(f) for f in detect_faces(detector, [thumb.image], min_score)[0]]
    found = np.array([face.box for face in faces], np.float32).reshape(-1, 4)
    matched = match_boxes(found, picture.boxes)
    sides = np.sqrt((picture.boxes[:, 2:] - picture.boxes[:, :2]).prod(axis=1))
    return sides, matched, len(found) - int((matched > 0).sum())


def _by_size(sides: Boxes, found: npt.NDArray[np.bool_]) -> dict[str, tuple[float, int]]:
    result = {}
    for low, high in itertools.pairwise(_SIZES):
        among = (sides >= low) & (sides < high)
        name = f"{low:.0f}-{high:.0f}" if np.isfinite(high) else f"{low:.0f}-"
        result[name] = (_share(found[among]), int(among.sum()))
    return result


def _share(found: npt.NDArray[np.bool_]) -> float:
    return float(found.mean()) if len(found) else 0.0
