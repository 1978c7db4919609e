"""The path of a photo through the stages, written once."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from models.clock import Clock
from models.crop.choice import choose
from models.crop.detect import Face, to_thumb
from models.crop.frame import (
    compose,
    crop_face,
    fit_frame,
    is_cut_off,
    lead_out,
    lengthen,
    mask_to_photo,
    photo_corners,
    scale_affine,
    scale_of,
)
from models.crop.upright import TURN_BELOW, TURN_REFERENCE_BELOW, find_any_way_up
from models.drawn import beside_drawn, share_drawn
from models.errors import DrawnMaskError, NoFaceError, ReferencePhotoError
from models.inpaint.hole import hole_of
from models.inpaint.lift import lift_large
from models.inpaint.paint import Painted
from models.landmarks.guess import AS_GUESSED, Wish
from models.mask.detect import MaskFinding
from models.mask.drawn import cut_drawn, open_drawn
from models.mask.edges import find_to_edge
from models.paste.grain import is_finer
from models.paste.neighbours import joined, masks_beside, share_out
from models.paste.paste import paste_face
from models.photo.decode import Photo
from models.photo.profiles import to_profile
from models.pixels import Affine, Image, Mask
from models.runner import Runner, all_of
from models.stages import Stages
from models.swap.pose import is_turned_too_far
from models.swap.reference import REFERENCE_PX, Reference
from models.swap.swap import refuse_cut

# Hands, discs and letters score higher in one photo in thirty; real faces in crowds score lower.
_SURE_SCORE, _SURE_PROBABILITY = 0.45, 0.98
_NO_FACE = "No face was found: send a photo in which a face is well visible."
_ON_NO_FACE = "The mask lies on no face that was found and chosen: draw it over one."


@dataclass(frozen=True)
class Options:
    """What the caller chooses, and the bounds that the operator sets."""

    faces: Literal["all", "largest"] | tuple[int, ...] = "all"
    sharpen: bool = False
    wish: Wish = AS_GUESSED  # what the hidden part of each face should look like

    max_faces: int = 32  # of one photo, best first; the others are left as they are
    at_once: int = 4  # faces of one photo that are in the stages at the same time
    min_probability: float = 0.5  # that a mask is worn; below it, a face stays untouched
    turn_below: float = TURN_BELOW  # if the best face scores less, all rotations are tried


@dataclass(frozen=True)
class MaskedFace:
    """One face of a photo, and what the mask stage found on it."""

    index: int  # its number in `Options.faces`
    face: Face  # px of the photo
    frame: Affine  # photo px to frame px
    crop: Image
    finding: MaskFinding


@dataclass(frozen=True)
class Found:
    """The chosen faces of a photo, and what else is in it."""

    faces: list[MaskedFace]
    others: list[Affine]  # frames of the sure faces that were not chosen
    more: int  # sure faces beyond `Options.max_faces`, if all faces were requested; else 0


@dataclass(frozen=True)
class EditedFace:
    """One face after painting; nothing was painted if no mask was worn."""

    found: MaskedFace
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
    more: int = 0  # see `Found`

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


async def find_faces(
    photo: Photo,
    stages: Stages,
    options: Options,
    clock: Clock | None = None,
    run: Runner = asyncio.to_thread,
) -> list[Face]:
    """The faces of a photo, in its px.

    Returns:
        Best first, at most `options.max_faces`; `options.faces` counts in this order. Empty if
        there is none.
    """
    return (await _detect(photo, stages, options, clock or Clock(), run))[: options.max_faces]


async def _detect(
    photo: Photo, stages: Stages, options: Options, clock: Clock, run: Runner
) -> list[Face]:
    with clock.measure("thumb"):
        thumb = await run(to_thumb, photo.pixels)
    with clock.measure("crop"):
        found = await find_any_way_up(thumb.image, stages.detect, run, options.turn_below)
    return [thumb.to_photo(face) for face in found]


async def find_masks(
    photo: Photo,
    stages: Stages,
    options: Options,
    drawn: Mask | None = None,
    clock: Clock | None = None,
    run: Runner = asyncio.to_thread,
) -> Found:
    """The chosen faces of a photo with their masks, and what else is in it.

    A doubtful find counts only if it clearly wears a mask, or if `options.faces` names it; under a
    drawn mask, unless that lies over a sure face. If a mask continues below the frame, a longer
    frame is used, provided it shows a mask as well.

    Args:
        photo: upright pixels.
        stages: runs the steps.
        options: the caller's choices.
        drawn: bool, the photo's size: the masks, instead of what the mask stage finds.
        clock: records the seconds of each stage.
        run: runs this process's own work; the photo stays in this process.

    Raises:
        NoFaceError: the photo shows no face.
        BadRequestError: `options.faces` names a face that isn't there.
        DrawnMaskError: `drawn` has another size, or is on none of the chosen faces.
    """
    clock = clock or Clock()
    white = None if drawn is None else await run(open_drawn, drawn, photo.pixels)
    everyone = await _detect(photo, stages, options, clock, run)
    faces = everyone[: options.max_faces]
    if not faces:
        raise NoFaceError(_NO_FACE)
    gate = asyncio.Semaphore(options.at_once)

    async def look(index: int, frame: Affine) -> MaskedFace:
        crop = await run(crop_face, photo.pixels, frame)
        with clock.measure("mask"):
            if white is None:
                corners = photo_corners(frame, photo.pixels.shape[:2])
                finding = await find_to_edge(crop, corners, stages.find_mask, run)
            else:
                finding = await run(cut_drawn, white, frame)
            return MaskedFace(index, faces[index], frame, crop, finding)

    async def find(index: int) -> MaskedFace:
        async with gate:
            one = await look(index, fit_frame(faces[index].points))
            is_worn = one.finding.probability >= options.min_probability
            if is_worn and is_cut_off(one.finding.mask, one.frame, photo.pixels.shape[:2]):
                longer = await look(index, lengthen(one.frame))
                return longer if longer.finding.probability >= options.min_probability else one
            return one

    is_named, beside = options.faces not in ("all", "largest"), set[int]()
    if white is not None and not is_named:
        beside = await run(beside_drawn, white, faces, _SURE_SCORE)
    for group in choose(faces, options.faces):
        found = await all_of(find(index) for index in group if index not in beside)
        others = _others(everyone, group)
        if white is not None:
            parts = [one.finding for one in found], [one.frame for one in found]
            shared = zip(found, await run(share_drawn, *parts, others), strict=True)
            found = [replace(one, finding=share) for one, share in shared]
        sure = [one for one in found if is_named or _is_sure(one)]
        if sure and (white is None or any(one.finding.mask.any() for one in sure)):
            left = everyone[options.max_faces :] if options.faces == "all" else []
            return Found(sure, others, sum(face.score >= _SURE_SCORE for face in left))
    raise NoFaceError(_NO_FACE) if white is None else DrawnMaskError(_ON_NO_FACE)


def _others(faces: Sequence[Face], chosen: Sequence[int]) -> list[Affine]:
    """Frames of the sure faces that were not chosen; a doubtful find may be a hand on a mask."""
    left = (face for index, face in enumerate(faces) if index not in chosen)
    return [fit_frame(face.points) for face in left if face.score >= _SURE_SCORE]


def _is_sure(one: MaskedFace) -> bool:
    """Detector and mask net together: a doubtful find is a face if it clearly wears a mask."""
    return one.face.score >= _SURE_SCORE or one.finding.probability >= _SURE_PROBABILITY


async def unmask(
    photo: Photo,
    stages: Stages,
    options: Options,
    reference: Photo | None = None,
    drawn: Mask | None = None,
    clock: Clock | None = None,
    run: Runner = asyncio.to_thread,
) -> Unmasked:
    """Takes the mask off each chosen face.

    Args:
        photo: upright pixels; not changed.
        stages: runs the steps.
        options: the caller's choices.
        reference: the person without a mask, whose lower face is swapped in.
        drawn: bool, the photo's size: the masks, instead of what the mask stage finds.
        clock: records the seconds of each stage.
        run: runs this process's own work; the photo stays in this process.

    Raises:
        NoFaceError: the photo shows no face.
        ReferencePhotoError: the reference shows no face, several, or one masked or cut off.
        BadRequestError: `options.faces` names a face that isn't there.
        DrawnMaskError: `drawn` has another size, or is on none of the chosen faces.
    """
    clock = clock or Clock()
    own = await _prepare(reference, stages, options, clock, run)
    if reference is not None and own is not None:
        colours = own.face, reference.icc_profile, photo.icc_profile
        own = replace(own, face=await run(to_profile, *colours))
    looked = await find_masks(photo, stages, options, drawn, clock, run)
    found, frames = looked.faces, [one.frame for one in looked.faces]
    holes = await _holes(found, looked.others, options.min_probability, run)
    touching = await run(masks_beside, holes, frames)
    led_out = await run(lead_out, holes, frames, photo.pixels.shape[:2])
    gate = asyncio.Semaphore(options.at_once)

    async def edit(one: MaskedFace, hole: Mask, led: Mask, beside: Mask | None) -> EditedFace:
        if not hole.any():
            return EditedFace(one)
        whole = joined(led, beside)
        rest = None if whole is hole else whole & ~hole
        async with gate:
            with clock.measure("inpaint"):
                painted = await stages.paint(one.crop, whole, options.wish)
            if own is None or is_turned_too_far(painted[0].landmarks, own.landmarks):
                return EditedFace(one, hole, painted, beside=rest)
            with clock.measure("swap"):
                swapped = await stages.swap(painted[0], led, own)
            return EditedFace(one, hole, painted, swapped, rest)

    faces = await all_of(edit(*each) for each in zip(found, holes, led_out, touching, strict=True))
    with clock.measure("paste"):
        result = await run(_assemble, photo.pixels, faces, options.sharpen, own)
    return replace(result, more=looked.more)


def photo_mask(faces: Sequence[MaskedFace], shape: tuple[int, int]) -> Mask:
    """The masks of all faces as pixels of the photo, bool (H, W), True = hidden."""
    whole = np.zeros(shape, np.bool_)
    for one in faces:
        whole |= mask_to_photo(one.finding.mask, one.frame, shape)
    return whole


async def _holes(
    found: Sequence[MaskedFace], others: Sequence[Affine], min_probability: float, run: Runner
) -> list[Mask]:
    """What is painted of each face; nothing if no mask is worn, or if it is another face's."""

    async def hole(one: MaskedFace) -> Mask:
        if one.finding.probability < min_probability:
            return np.zeros_like(one.finding.mask)
        return await run(hole_of, one.finding.mask, one.crop)

    holes = await all_of(hole(one) for one in found)
    if len(found) + len(others) < 2:
        return holes
    return await run(share_out, holes, [one.frame for one in found], others)


async def _prepare(
    photo: Photo | None, stages: Stages, options: Options, clock: Clock, run: Runner
) -> Reference | None:
    if photo is None:
        return None
    with clock.measure("reference"):
        everyone = replace(options, faces="all", turn_below=TURN_REFERENCE_BELOW)
        try:
            found = await find_masks(photo, stages, everyone, run=run)
        except NoFaceError:
            raise ReferencePhotoError("The reference photo shows no face.") from None
        count = len(found.faces) + found.more
        if count > 1:
            raise ReferencePhotoError(
                f"The reference photo shows {count} faces: send one with a single face."
            )
        own = found.faces[0]
        if own.finding.probability >= options.min_probability:
            raise ReferencePhotoError(
                "The face in the reference photo wears a mask: send a photo without one."
            )
        return await as_reference(photo, own, stages, run)


async def as_reference(
    photo: Photo, own: MaskedFace, stages: Stages, run: Runner = asyncio.to_thread
) -> Reference:
    """A bare face, cropped as finely as its photo shows it; raises what `refuse_cut` raises."""
    face, side = own.crop, max(REFERENCE_PX)
    if scale_of(own.frame) < 1:
        finer = compose(scale_affine(side), own.frame)
        face = await run(crop_face, photo.pixels, finer, side)
    corners = photo_corners(own.frame, photo.pixels.shape[:2])
    landmarks = await stages.landmarks(own.crop)
    refuse_cut(landmarks, corners)
    return Reference(face, landmarks, corners)


def _assemble(
    pixels: Image, faces: list[EditedFace], sharpen: bool, own: Reference | None
) -> Unmasked:
    masked = [one for one in faces if one.candidates]
    candidates = [
        _pasted(pixels, [(one, _to_paste(one, rank)) for one in masked], sharpen)
        for rank in range(max([1, *(len(one.candidates) for one in masked)]))
    ]
    if own is None:
        return Unmasked(candidates, None, faces)
    best = [(one, _to_paste(one, 0) if one.swapped is None else one.swapped) for one in masked]
    return Unmasked(candidates, _pasted(pixels, best, sharpen), faces)


def _to_paste(one: EditedFace, rank: int) -> Image:
    face, hole = one.candidates[rank].face, one.hole
    return face if hole is None else as_fine(face, one.found.frame, joined(hole, one.beside))


def as_fine(face: Image, frame: Affine, hole: Mask) -> Image:
    """A painted face as it goes into the photo: cleared once more if the photo shows it finer."""
    return lift_large(face, hole) if is_finer(frame, face.shape[0]) else face


def _pasted(pixels: Image, faces: Sequence[tuple[EditedFace, Image]], sharpen: bool) -> Image:
    photo = pixels.copy()
    for one, face in faces:
        if one.hole is not None:
            paste_face(photo, face, one.hole, one.found.frame, sharpen, one.beside)
    return photo
