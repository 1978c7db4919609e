"""Pictures with a truth: are face and mask found, and how good is the painted face?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.crop.frame import fit_frame, five_points, invert, transform
from models.outcome import ExaminedFace, Unmasked, photo_mask
from models.pixels import Image, Landmarks, Mask
from models.training.evaluation.folder import Case
from models.training.evaluation.landmarks import View, draw_errors, hidden_errors, view_of
from models.training.evaluation.marks import PictureMarks, compare, mask_iou
from models.training.evaluation.residual import Judge
from models.training.evaluation.service import Service
from models.training.pictures import read_image, read_mask, write_image, write_mask

Fill = Callable[[Image, Mask], Image]  # masked picture, true mask -> a guess at the truth

# The ways of painting, from what a user gets to what perfect earlier stages would allow.
FOUND = "found mask"
TRUE_MASK = "true mask"
READY = "true mask, ready crop"
TRUE_POINTS = "true mask, ready crop, true points"


@dataclass(frozen=True)
class PairScore:
    """The result of one picture."""

    id: str
    source: str
    kind: str
    view: View  # by the truth's landmarks
    found: bool  # the face
    worn: bool  # the mask was found worn, and painted over
    iou: float
    marks: dict[str, PictureMarks]  # by way of painting or baseline
    landmarks: dict[str, float]  # error of hidden points by region; empty if nothing was painted
    ready_landmarks: dict[str, float]  # the same with the true mask in the truth's frame
    sights: dict[str, float]  # what the judge sees in "masked", "painted" and "bare"


def score_pair(
    case: Case,
    service: Service,
    out: Path,
    fills: Mapping[str, Fill],
    points: Landmarks | None = None,
    judge: Judge | None = None,
) -> PairScore:
    """Runs one picture through the service; a picture without a found face counts unchanged.

    Args:
        case: has a truth.
        service: unmasks the picture.
        out: gets composite/ID.png, mask/ID.png (found, at the picture's size) and
            landmarks/ID.png.
        fills: baselines to score as well.
        points: landmarks of the truth, float32 (68, 2) px.
        judge: looks for remains of the mask.
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
        FOUND: composite,
        TRUE_MASK: service.paint(case.photo, face.frame, mask)[0] if face else masked,
    }
    guess, ready = guessed_points(answer), None
    if points is not None:
        frame = fit_frame(five_points(points))
        results[READY], ready = service.paint(case.photo, frame, mask)
        results[TRUE_POINTS], _ = service.paint(case.photo, frame, mask, points)
        drawn = truth if guess is None else draw_errors(truth, guess, points)
        write_image(out / "landmarks" / f"{case.id}.png", drawn)
    results |= {name: fill(masked, mask) for name, fill in fills.items()}
    looks = {"masked": masked, "painted": composite, "bare": truth} if judge and face else {}
    return PairScore(
        case.id,
        case.source,
        case.kind,
        view_of(points),
        found=answer is not None,
        worn=answer is not None and answer.changed,
        iou=mask_iou(found, mask),
        marks={name: compare(result, truth, mask) for name, result in results.items()},
        landmarks=_errors(guess, points, mask),
        ready_landmarks=_errors(ready, points, mask),
        sights={
            name: judge.look(picture, face.frame).probability
            for name, picture in looks.items()
            if judge and face
        },
    )


def found_mask(face: ExaminedFace | None, shape: tuple[int, ...]) -> Mask:
    """The found mask at the size of the picture; all False without a face."""
    if face is None:
        return np.zeros(shape[:2], np.bool_)
    return photo_mask([face], (shape[0], shape[1]))


def guessed_points(answer: Unmasked | None) -> Landmarks | None:
    """The points along which a face was painted, float32 (68, 2), px of the photo."""
    face = answer.faces[0] if answer else None
    if face is None or face.painted is None:
        return None
    return transform(face.painted.landmarks, invert(face.found.frame))


def _errors(guess: Landmarks | None, truth: Landmarks | None, mask: Mask) -> dict[str, float]:
    if guess is None or truth is None:
        return {}
    return hidden_errors(guess, truth, mask)
