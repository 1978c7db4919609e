"""What became of a photo's faces, and the photo put together from them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.crop.detect import Face
from models.crop.frame import mask_to_photo
from models.crop.neighbours import joined
from models.inpaint.lift import lift_large
from models.inpaint.paint import Painted
from models.mask.detect import MaskFinding
from models.paste.grain import is_finer
from models.paste.paste import paste_face
from models.pixels import Affine, Image, Mask
from models.swap.reference import Reference


@dataclass(frozen=True)
class ExaminedFace:
    """One face of a photo, and what the mask stage found on it."""

    index: int  # its number in `Options.faces`
    face: Face  # px of the photo
    frame: Affine  # photo px to frame px
    crop: Image
    finding: MaskFinding


@dataclass(frozen=True)
class EditedFace:
    """One face after painting; nothing was painted if no mask was worn."""

    found: ExaminedFace
    hole: Mask | None = None  # what goes into the photo: the mask and its rim
    candidates: Sequence[Painted] = ()  # most likely first
    # The first candidate with the reference's lower face; None also if `is_turned_too_far`.
    swapped: Image | None = None
    beside: Mask | None = None  # painted, not pasted: others' masks that touch it; beyond the photo

    @property
    def painted(self) -> Painted | None:
        """The most likely candidate."""
        return self.candidates[0] if self.candidates else None


@dataclass(frozen=True)
class Unmasked:
    """The answer: the photo with its faces edited, and what happened to each."""

    candidates: list[Image]  # the photo, masked faces painted; most likely first
    swapped: Image | None  # the photo with the reference's lower face; None without a reference
    faces: list[EditedFace]
    more: int = 0  # see `models.pipeline.Found`
    reference: Reference | None = None  # what was swapped in, as the swap stage received it

    @property
    def painted(self) -> Image:
        """The photo with the most likely faces painted."""
        return self.candidates[0]

    @property
    def pixels(self) -> Image:
        """The best result."""
        return self.painted if self.swapped is None else self.swapped

    @property
    def best(self) -> list[Image]:
        """The candidates, the first with the reference's lower face if there is one."""
        return [self.pixels, *self.candidates[1:]]

    @property
    def changed(self) -> bool:
        """Whether any face was edited."""
        return any(face.painted is not None for face in self.faces)


def photo_mask(faces: Sequence[ExaminedFace], shape: tuple[int, int]) -> Mask:
    """The masks of all faces as pixels of the photo, bool (H, W), True = hidden."""
    whole = np.zeros(shape, np.bool_)
    for one in faces:
        whole |= mask_to_photo(one.finding.mask, one.frame, shape)
    return whole


def assemble(pixels: Image, faces: list[EditedFace], sharpen: bool, swaps: bool) -> Unmasked:
    """The photo with its edited faces.

    Args:
        pixels: of the photo, uint8 (H, W, 3); not changed.
        faces: all of its faces.
        sharpen: see `paste_face`.
        swaps: whether there is a reference.
    """
    masked = [one for one in faces if one.candidates]
    candidates = [
        _pasted(pixels, [(one, _to_paste(one, rank)) for one in masked], sharpen)
        for rank in range(max([1, *(len(one.candidates) for one in masked)]))
    ]
    if not swaps:
        return Unmasked(candidates, None, faces)
    best = [(one, _to_paste(one, 0) if one.swapped is None else one.swapped) for one in masked]
    return Unmasked(candidates, _pasted(pixels, best, sharpen), faces)


def _to_paste(one: EditedFace, rank: int) -> Image:
    face, hole = one.candidates[rank].face, one.hole
    return face if hole is None else as_fine(face, one.found.frame, joined(hole, one.beside))


def _pasted(pixels: Image, faces: Sequence[tuple[EditedFace, Image]], sharpen: bool) -> Image:
    photo = pixels.copy()
    for one, face in faces:
        if one.hole is not None:
            paste_face(photo, face, one.hole, one.found.frame, sharpen, one.beside)
    return photo


def as_fine(face: Image, frame: Affine, hole: Mask) -> Image:
    """A painted face as it goes into the photo: cleared once more if the photo shows it finer."""
    return lift_large(face, hole) if is_finer(frame, face.shape[0]) else face
