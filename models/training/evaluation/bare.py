"""Bare faces: where the service places their landmarks, and whether it leaves them alone."""

from dataclasses import dataclass
from pathlib import Path

from models.crop.frame import fit_frame, five_points
from models.pipeline import Options
from models.pixels import Landmarks
from models.training.evaluation.folder import Case
from models.training.evaluation.landmarks import View, bare_errors, draw_errors, view_of
from models.training.evaluation.service import Service
from models.training.pictures import read_image, write_image


@dataclass(frozen=True)
class BareScore:
    """The result of one bare face; errors by region, in eye distances."""

    id: str
    source: str
    view: View
    found: bool  # the face
    worn: bool  # a mask was found worn: the face would have been painted over
    landmarks: dict[str, float]  # in the service's frame; empty without a face
    ready: dict[str, float]  # in the frame of the true landmarks


def score_bare(case: Case, truth: Landmarks, service: Service, out: Path) -> BareScore:
    """Finds the landmarks of one bare face; `out` gets bare/ID.png.

    Args:
        case: has a truth, which is the bare face.
        truth: float32 (68, 2) px of it.
        service: finds the face and its points.
        out: folder.
    """
    assert case.truth is not None
    found = service.find_mask(case.truth)
    ready = service.bare_points(case.truth, fit_frame(five_points(truth)))
    guess = service.bare_points(case.truth, found.frame) if found else None
    drawn = draw_errors(read_image(case.truth), ready if guess is None else guess, truth)
    write_image(out / "bare" / f"{case.id}.png", drawn)
    return BareScore(
        case.id,
        case.source,
        view_of(truth),
        found=found is not None,
        worn=found is not None and Options().is_worn(found.finding),
        landmarks={} if guess is None else bare_errors(guess, truth),
        ready=bare_errors(ready, truth),
    )
