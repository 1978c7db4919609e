"""Pictures with a truth: is the face found, is the mask found, how good is the painted face."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from models.crop.frame import invert, transform
from models.pipeline import MaskedFace, Unmasked, photo_mask
from models.pixels import Image, Landmarks, Mask
from models.training.evaluation.folder import (
    Case,
    read_image,
    read_mask,
    write_image,
    write_mask,
)
from models.training.evaluation.landmarks import hidden_errors
from models.training.evaluation.marks import PictureMarks, compare, mask_iou
from models.training.evaluation.service import Service

Fill = Callable[[Image, Mask], Image]  # masked picture, true mask -> a guess at the truth


@dataclass(frozen=True)
class PairScore:
    """What one picture got."""

    id: str
    source: str
    kind: str
    found: bool  # the face
    worn: bool  # the mask was found worn, and painted over
    iou: float
    marks: dict[str, PictureMarks]  # of "found mask", "true mask" and the baselines
    landmarks: dict[str, float] = field(default_factory=dict)


def score_pair(
    case: Case,
    service: Service,
    out: Path,
    fills: Mapping[str, Fill],
    landmarks: Landmarks | None = None,
) -> PairScore:
    """Runs one picture through the service; a picture without a found face counts as it is.

    Args:
        case: has a truth.
        service: who unmasks.
        out: gets composite/ID.png and mask/ID.png (found, in the picture's own pixels).
        fills: baselines to score beside it.
        landmarks: of the truth, float32 (68, 2) px.
    """
    assert case.truth is not None
    masked, truth, mask = read_image(case.photo), read_image(case.truth), read_mask(case.mask)
    answer = service.unmask(case.photo)
    face = answer.faces[0].found if answer else None
    composite = answer.painted if answer else masked
    found = found_mask(face, mask.shape)
    write_image(out / "composite" / f"{case.id}.png", composite)
    write_mask(out / "mask" / f"{case.id}.png", found)
    results = {
        "found mask": composite,
        "true mask": service.paint(case.photo, face, mask) if face else masked,
        **{name: fill(masked, mask) for name, fill in fills.items()},
    }
    return PairScore(
        case.id,
        case.source,
        case.kind,
        found=answer is not None,
        worn=answer is not None and answer.changed,
        iou=mask_iou(found, mask),
        marks={name: compare(result, truth, mask) for name, result in results.items()},
        landmarks=_landmark_errors(answer, landmarks, mask),
    )


def found_mask(face: MaskedFace | None, shape: tuple[int, ...]) -> Mask:
    """The found mask in the picture's own pixels; all False without a face."""
    if face is None:
        return np.zeros(shape[:2], np.bool_)
    return photo_mask([face], (shape[0], shape[1]))


def _landmark_errors(
    answer: Unmasked | None, truth: Landmarks | None, mask: Mask
) -> dict[str, float]:
    face = answer.faces[0] if answer else None
    if face is None or face.painted is None or truth is None:
        return {}
    guess = transform(face.painted.landmarks, invert(face.found.frame))
    return hidden_errors(guess, truth, mask)
