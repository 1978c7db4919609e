"""The path of a photo through the stages, written once."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from models.choices import MAX_FACES, FaceChoice
from models.clock import Clock
from models.crop.choice import choose
from models.crop.detect import Face, to_thumb
from models.crop.edge import extend_beyond_photo, photo_corners
from models.crop.frame import (
    compose,
    crop_face,
    fit_frame,
    is_cut_off,
    scale_affine,
    scale_of,
    show_more_below,
)
from models.crop.neighbours import joined, masks_beside, share_out
from models.crop.upright import TURN_BELOW, TURN_REFERENCE_BELOW, find_any_way_up
from models.errors import DrawnMaskError, NoFaceError, ReferencePhotoError
from models.inpaint.hole import hole_of
from models.landmarks.guess import AS_GUESSED, Wish
from models.mask.detect import MaskFinding
from models.mask.drawn import beside_drawn, cut_drawn, open_drawn, share_drawn
from models.mask.edges import find_to_edge
from models.outcome import EditedFace, ExaminedFace, Unmasked, assemble
from models.photo.decode import Photo
from models.photo.profiles import to_profile
from models.pixels import Affine, Image, Mask
from models.runner import Runner, all_of
from models.stages import Stages
from models.swap.pose import is_turned_too_far
from models.swap.reference import REFERENCE_PX, Reference
from models.swap.swap import check_not_cut_off, check_not_small

# Hands, discs and letters score higher in one photo in thirty; real faces in crowds score lower.
_SURE_SCORE, _SURE_PROBABILITY = 0.45, 0.98
_NO_FACE = "No face was found: send a photo in which a face is well visible."
_ON_NO_FACE = "The mask lies on no face that was found and chosen: draw it over one."


@dataclass(frozen=True)
class Options:
    """What the caller chooses, and the bounds that the operator sets."""

    faces: FaceChoice = "all"
    sharpen: bool = False
    wish: Wish = AS_GUESSED  # what the hidden part of each face should look like

    max_faces: int = MAX_FACES  # of one photo, best first; the others are left as they are
    at_once: int = 4  # faces of one photo that are in the stages at the same time
    min_probability: float = 0.5  # that a mask is worn; below it, a face stays untouched
    turn_below: float = TURN_BELOW  # if the best face scores less, all rotations are tried

    def is_worn(self, finding: MaskFinding) -> bool:
        """Whether that face wears a mask."""
        return finding.probability >= self.min_probability


@dataclass(frozen=True)
class Found:
    """The chosen faces of a photo, and what else is in it."""

    faces: list[ExaminedFace]
    others: list[Affine]  # frames of the sure faces that were not chosen
    more: int  # sure faces beyond `Options.max_faces`, if all faces were requested; else 0


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
    found = await _Pass(stages, options, clock or Clock(), run).detect(photo.pixels)
    return found[: options.max_faces]


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
        DrawnMaskError: `drawn` has another size, is on none of the chosen faces, or leaves too
            little of them.
    """
    return await _Pass(stages, options, clock or Clock(), run).find_masks(photo.pixels, drawn)


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
        ReferencePhotoError: the reference shows no face, several, or one masked, tiny or cut off.
        BadRequestError: `options.faces` names a face that isn't there.
        DrawnMaskError: `drawn` has another size, is on none of the chosen faces, or leaves too
            little of them.
    """
    return await _Pass(stages, options, clock or Clock(), run).unmask(photo, reference, drawn)


@dataclass(frozen=True)
class _Pass:
    """One photo's way through the stages."""

    stages: Stages
    options: Options
    clock: Clock
    run: Runner

    @cached_property
    def gate(self) -> asyncio.Semaphore:
        """For the faces that are in the stages at the same time."""
        return asyncio.Semaphore(self.options.at_once)

    async def unmask(self, photo: Photo, reference: Photo | None, drawn: Mask | None) -> Unmasked:
        own = None if reference is None else await self._prepare(reference, photo.icc_profile)
        looked = await self.find_masks(photo.pixels, drawn)
        found, frames = looked.faces, [one.frame for one in looked.faces]
        holes = await self._holes(found, looked.others)
        touching = await self.run(masks_beside, holes, frames)
        extended = await self.run(extend_beyond_photo, holes, frames, photo.pixels.shape[:2])
        columns = zip(found, holes, extended, touching, strict=True)
        faces = await all_of(self._edit(*each, own) for each in columns)
        with self.clock.measure("paste"):
            ways = self.options.sharpen, own is not None
            result = await self.run(assemble, photo.pixels, faces, *ways)
        return replace(result, more=looked.more, reference=own)

    async def find_masks(self, pixels: Image, drawn: Mask | None = None) -> Found:
        white = None if drawn is None else await self.run(open_drawn, drawn, pixels)
        everyone = await self.detect(pixels)
        faces = everyone[: self.options.max_faces]
        if not faces:
            raise NoFaceError(_NO_FACE)
        which, beside = self.options.faces, set[int]()
        is_named = which not in ("all", "largest")
        if white is not None and not is_named:
            frames = [fit_frame(face.points) for face in faces]
            are_sure = [face.score >= _SURE_SCORE for face in faces]
            beside = await self.run(beside_drawn, white, frames, are_sure)
        for group in choose(faces, which):
            chosen = [index for index in group if index not in beside]
            found = await all_of(self._find(pixels, i, faces[i], white) for i in chosen)
            others = _others(everyone, group)
            if white is not None:
                parts = [one.finding for one in found], [one.frame for one in found]
                shared = zip(found, await self.run(share_drawn, *parts, others), strict=True)
                found = [replace(one, finding=share) for one, share in shared]
            sure = [one for one in found if is_named or _is_sure(one)]
            if sure and (white is None or any(one.finding.mask.any() for one in sure)):
                left = everyone[self.options.max_faces :] if which == "all" else []
                return Found(sure, others, sum(face.score >= _SURE_SCORE for face in left))
        raise NoFaceError(_NO_FACE) if white is None else DrawnMaskError(_ON_NO_FACE)

    async def detect(self, pixels: Image) -> list[Face]:
        with self.clock.measure("thumb"):
            thumb = await self.run(to_thumb, pixels)
        with self.clock.measure("crop"):
            search = self.stages.detect, self.run, self.options.turn_below
            found = await find_any_way_up(thumb.image, *search)
        return [thumb.to_photo(face) for face in found]

    async def _find(
        self, pixels: Image, index: int, face: Face, white: Image | None
    ) -> ExaminedFace:
        """A face and its mask, in a longer frame if that shows more of the mask."""
        async with self.gate:
            one = await self._look(pixels, index, face, fit_frame(face.points), white)
            finding, is_worn = one.finding, self.options.is_worn
            if is_worn(finding) and is_cut_off(finding.mask, one.frame, pixels.shape[:2]):
                longer = await self._look(pixels, index, face, show_more_below(one.frame), white)
                return longer if is_worn(longer.finding) else one
            return one

    async def _look(
        self, pixels: Image, index: int, face: Face, frame: Affine, white: Image | None
    ) -> ExaminedFace:
        crop = await self.run(crop_face, pixels, frame)
        with self.clock.measure("mask"):
            if white is None:
                corners = photo_corners(frame, pixels.shape[:2])
                finding = await find_to_edge(crop, corners, self.stages.find_mask, self.run)
            else:
                finding = await self.run(cut_drawn, white, frame, fit_frame(face.points))
        return ExaminedFace(index, face, frame, crop, finding)

    async def _holes(self, found: Sequence[ExaminedFace], others: Sequence[Affine]) -> list[Mask]:
        """What is painted of each face; nothing if no mask is worn, or if it is another face's."""
        holes = await all_of(self._hole(one) for one in found)
        if len(found) + len(others) < 2:
            return holes
        return await self.run(share_out, holes, [one.frame for one in found], others)

    async def _hole(self, one: ExaminedFace) -> Mask:
        if not self.options.is_worn(one.finding):
            return np.zeros_like(one.finding.mask)
        return await self.run(hole_of, one.finding.mask, one.crop)

    async def _edit(
        self,
        one: ExaminedFace,
        hole: Mask,
        extended: Mask,
        beside: Mask | None,
        own: Reference | None,
    ) -> EditedFace:
        if not hole.any():
            return EditedFace(one)
        whole = joined(extended, beside)
        rest = None if whole is hole else whole & ~hole
        async with self.gate:
            with self.clock.measure("inpaint"):
                painted = await self.stages.paint(one.crop, whole, self.options.wish)
            if own is None or is_turned_too_far(painted[0].landmarks, own.landmarks):
                return EditedFace(one, hole, painted, beside=rest)
            with self.clock.measure("swap"):
                swapped = await self.stages.swap(painted[0], extended, own)
            return EditedFace(one, hole, painted, swapped, rest)

    async def _prepare(self, photo: Photo, profile: bytes | None) -> Reference:
        """The one bare face of the reference photo, in the colours of `profile`."""
        everyone = replace(self.options, faces="all", turn_below=TURN_REFERENCE_BELOW)
        # A clock of its own: else its stages would count twice, as theirs and as "reference".
        search = replace(self, options=everyone, clock=Clock())
        with self.clock.measure("reference"):
            try:
                found = await search.find_masks(photo.pixels)
            except NoFaceError:
                raise ReferencePhotoError(
                    "The reference photo shows no face: send one in which the face is well visible."
                ) from None
            count = len(found.faces) + found.more
            if count > 1:
                raise ReferencePhotoError(
                    f"The reference photo shows {count} faces: send one with a single face."
                )
            (one,) = found.faces
            if self.options.is_worn(one.finding):
                raise ReferencePhotoError(
                    "The face in the reference photo wears a mask: send a photo without one."
                )
            own = await _as_reference(photo, one, self.stages, self.run)
        face = await self.run(to_profile, own.face, photo.icc_profile, profile)
        return replace(own, face=face)


async def _as_reference(photo: Photo, own: ExaminedFace, stages: Stages, run: Runner) -> Reference:
    """A bare face as a reference, cropped as finely as its photo shows it.

    Raises:
        ReferencePhotoError: see `check_not_small` and `check_not_cut_off`.
    """
    check_not_small(own.frame)
    face, side = own.crop, max(REFERENCE_PX)
    if scale_of(own.frame) < 1:
        finer = compose(scale_affine(side), own.frame)
        face = await run(crop_face, photo.pixels, finer, side)
    corners = photo_corners(own.frame, photo.pixels.shape[:2])
    landmarks = await stages.landmarks(own.crop)
    check_not_cut_off(landmarks, corners)
    return Reference(face, landmarks, corners)


def _others(faces: Sequence[Face], chosen: Sequence[int]) -> list[Affine]:
    """Frames of the sure faces that were not chosen; a doubtful find may be a hand on a mask."""
    left = (face for index, face in enumerate(faces) if index not in chosen)
    return [fit_frame(face.points) for face in left if face.score >= _SURE_SCORE]


def _is_sure(one: ExaminedFace) -> bool:
    """Detector and mask net together: a doubtful find is a face if it clearly wears a mask."""
    return one.face.score >= _SURE_SCORE or one.finding.probability >= _SURE_PROBABILITY
