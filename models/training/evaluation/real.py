"""Faces in real masks, outlined by hand: is the mask found, and is any of it left?"""

from dataclasses import dataclass
from pathlib import Path

from models.outcome import Unmasked
from models.pipeline import Options
from models.pixels import Image
from models.training.evaluation.folder import Case
from models.training.evaluation.landmarks import View, view_of
from models.training.evaluation.marks import mask_iou
from models.training.evaluation.pairs import found_mask, guessed_points
from models.training.evaluation.residual import Judge
from models.training.evaluation.service import Service
from models.training.pictures import read_image, read_mask, write_image, write_mask


@dataclass(frozen=True)
class RealScore:
    """The result of one picture."""

    id: str
    kind: str
    view: View  # by the points along which it was painted
    found: bool  # the face
    worn: bool  # the mask was found worn
    probability: float  # of `worn`; 0 without a face
    iou: float
    sights: dict[str, float]  # the judge's, for "masked" and "painted"; empty without face or judge


def score_real(case: Case, service: Service, out: Path, judge: Judge | None = None) -> RealScore:
    """Runs one picture through the service.

    Args:
        case: photo and outlined mask.
        service: unmasks the picture.
        out: gets real/ID.png (found mask, at the picture's size), real_painted/ID.png
            and, with a judge, residual/ID.png.
        judge: looks for remains of the mask.
    """
    photo, truth = read_image(case.photo), read_mask(case.mask)
    answer = service.unmask(case.photo)
    face = answer.faces[0].found if answer else None
    found = found_mask(face, truth.shape)
    write_mask(out / "real" / f"{case.id}.png", found)
    write_image(out / "real_painted" / f"{case.id}.png", answer.painted if answer else photo)
    return RealScore(
        case.id,
        case.kind,
        view_of(guessed_points(answer)),
        found=face is not None,
        worn=face is not None and Options().is_worn(face.finding),
        probability=face.finding.probability if face else 0.0,
        iou=mask_iou(found, truth),
        sights=_sights(answer, photo, judge, out / "residual" / f"{case.id}.png"),
    )


def _sights(
    answer: Unmasked | None, photo: Image, judge: Judge | None, path: Path
) -> dict[str, float]:
    if answer is None or judge is None:
        return {}
    frame = answer.faces[0].found.frame
    before, after = judge.look(photo, frame), judge.look(answer.painted, frame)
    write_image(path, after.tinted)
    return {"masked": before.probability, "painted": after.probability}
