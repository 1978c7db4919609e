"""Faces that wear real masks, outlined by hand: is the mask found."""

from dataclasses import dataclass
from pathlib import Path

from models.pipeline import Options
from models.training.evaluation.folder import Case, read_mask, write_mask
from models.training.evaluation.marks import mask_iou
from models.training.evaluation.pairs import found_mask
from models.training.evaluation.service import Service


@dataclass(frozen=True)
class RealScore:
    """What one picture got."""

    id: str
    kind: str
    found: bool  # the face
    worn: bool  # the mask was found worn
    probability: float  # of that; 0 without a face
    iou: float


def score_real(case: Case, service: Service, out: Path) -> RealScore:
    """Finds the mask in one picture; `out` gets real/ID.png, in the picture's own pixels."""
    truth = read_mask(case.mask)
    face = service.find_mask(case.photo)
    found = found_mask(face, truth.shape)
    write_mask(out / "real" / f"{case.id}.png", found)
    probability = face.finding.probability if face else 0.0
    worn = probability >= Options().min_probability
    iou = mask_iou(found, truth)
    return RealScore(case.id, case.kind, face is not None, worn, probability, iou)
