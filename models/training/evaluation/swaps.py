"""People with a reference photo of their own: does their lower face come back?

Two correlations of colour values, each over the whole found hole at 256 px, show whose face is in
the hole: one with the reference as `warp_reference` places it, in the reference's own light, and
one with the painted face. What the swap leaves painted (straps, hair) favours the painted face.
"""

from dataclasses import dataclass
from pathlib import Path

from models.crop.frame import FRAME_PX
from models.crop.neighbours import joined
from models.errors import ReferencePhotoError
from models.outcome import Unmasked
from models.swap.swap import warp_reference
from models.swap.warp import at_size
from models.training.evaluation.folder import Case
from models.training.evaluation.marks import compare, correlation, psnr, unit
from models.training.evaluation.service import Service
from models.training.pictures import read_image, read_mask, write_image


@dataclass(frozen=True)
class SwapMarks:
    """The painted and the swapped lower face of one person."""

    painted_hole_psnr: float  # dB inside the true mask, px of the photo
    swapped_hole_psnr: float
    sharpness: float  # of the swapped photo, see `PictureMarks`
    to_reference: float  # correlation of the swapped hole with the warped reference, -1..1
    to_painted: float  # the same with the painted face

    @property
    def is_own(self) -> bool:
        """Whether the hole shows the reference rather than the painted face."""
        return self.to_reference > self.to_painted


@dataclass(frozen=True)
class SwapScore:
    """The result of one person."""

    id: str
    marks: SwapMarks | None  # None if nothing was swapped


def score_swap(case: Case, service: Service, out: Path) -> SwapScore:
    """Unmasks one person with their reference; `out` gets swap/ID.png."""
    answer = _swap(case, service)
    result = answer.pixels if answer else read_image(case.photo)
    write_image(out / "swap" / f"{case.id}.png", result)
    return SwapScore(case.id, _marks(case, answer) if answer else None)


def _marks(case: Case, answer: Unmasked) -> SwapMarks | None:
    assert case.truth is not None
    face = answer.faces[0]
    hole, painted = face.hole, face.painted
    if answer.swapped is None or answer.reference is None or face.swapped is None:
        return None
    if hole is None or painted is None:
        return None
    mask, truth = read_mask(case.mask), read_image(case.truth)
    swapped, whole = at_size(face.swapped, FRAME_PX), joined(hole, face.beside)
    warped = warp_reference(answer.reference, painted.face, painted.landmarks, whole)
    marks = compare(answer.swapped, truth, mask)
    return SwapMarks(
        painted_hole_psnr=psnr(unit(answer.painted)[mask], unit(truth)[mask]),
        swapped_hole_psnr=marks.hole_psnr,
        sharpness=marks.sharpness,
        to_reference=correlation(swapped, at_size(warped, FRAME_PX), hole),
        to_painted=correlation(swapped, at_size(painted.face, FRAME_PX), hole),
    )


def _swap(case: Case, service: Service) -> Unmasked | None:
    try:
        return service.unmask(case.photo, case.reference)
    except ReferencePhotoError:  # no usable face in the reference: a user would get an error
        return None
