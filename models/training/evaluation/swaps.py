"""Persons with a reference photo of their own: does their lower face come back."""

from dataclasses import dataclass
from pathlib import Path

from models.errors import InputError
from models.inpaint.paint import hole_of
from models.pipeline import Unmasked
from models.swap.swap import warp_reference
from models.training.evaluation.folder import Case, read_image, read_mask, write_image
from models.training.evaluation.marks import correlation, psnr, unit
from models.training.evaluation.service import Service


@dataclass(frozen=True)
class SwapMarks:
    """The painted and the swapped lower face of one person."""

    painted_hole_psnr: float  # dB inside the true mask, px of the photo
    swapped_hole_psnr: float
    to_reference: float  # correlation of the swapped hole with the warped reference, -1..1
    to_painted: float  # the same with the painted face


@dataclass(frozen=True)
class SwapScore:
    """What one person got."""

    id: str
    marks: SwapMarks | None  # None where nothing was swapped


def score_swap(case: Case, service: Service, out: Path) -> SwapScore:
    """Unmasks one person with their reference; `out` gets swap/ID.png."""
    answer = _swap(case, service)
    result = answer.pixels if answer else read_image(case.photo)
    write_image(out / "swap" / f"{case.id}.png", result)
    return SwapScore(case.id, _marks(case, service, answer) if answer else None)


def _marks(case: Case, service: Service, answer: Unmasked) -> SwapMarks | None:
    assert case.truth is not None
    assert case.reference is not None
    face = answer.faces[0]
    if answer.swapped is None or face.painted is None or face.swapped is None:
        return None
    mask, truth = read_mask(case.mask), unit(read_image(case.truth))
    hole = hole_of(face.found.finding.mask)
    own = service.reference(case.reference)
    warped = warp_reference(own.face, own.landmarks, face.painted.landmarks, hole)
    return SwapMarks(
        painted_hole_psnr=psnr(unit(answer.painted)[mask], truth[mask]),
        swapped_hole_psnr=psnr(unit(answer.swapped)[mask], truth[mask]),
        to_reference=correlation(face.swapped, warped, hole),
        to_painted=correlation(face.swapped, face.painted.face, hole),
    )


def _swap(case: Case, service: Service) -> Unmasked | None:
    try:
        return service.unmask(case.photo, case.reference)
    except InputError:  # no usable face in the reference: a user would get an error
        return None
