"""Faces side by side: each pixel of a photo is painted for one of them.

A face's frame shows part of its neighbour; if that one also wears a mask, both find it.
"""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from models.crop.frame import FRAME_PX, compose, face_oval, invert, scale_of, transform
from models.pixels import Affine, Mask

Indices = npt.NDArray[np.intp]

_TOUCH_PX = 3  # two feathers meet up to this distance
_CENTRE = np.full((1, 2), (FRAME_PX - 1) / 2, np.float32)
_HALF_DIAGONAL_PX = FRAME_PX / np.sqrt(2)
_MIDDLE = (128, 150)  # centre of what a mask covers, px of the frame


def share_out(
    holes: Sequence[Mask], frames: Sequence[Affine], others: Sequence[Affine] = ()
) -> list[Mask]:
    """Shares out what several faces would paint: each pixel of the photo goes to one of them.

    Args:
        holes: bool (256, 256) each, True = to be painted; may be empty.
        frames: photo px to frame px, of each.
        others: the same of faces that aren't painted, whatever they wear.

    Returns:
        As `holes`. A pixel that two claim goes to the one whose largest part it belongs to, or else
        to the one whose mouth is nearer, in proportion to the faces' sizes. A pixel nearer to the
        mouth of one of `others` is left out.
    """
    bodies = [_largest_part(hole) for hole in holes]
    return [
        hole & ~_claimed(index, holes, bodies, frames) & ~_of_others(hole, frames[index], others)
        for index, hole in enumerate(holes)
    ]


def masks_beside(holes: Sequence[Mask], frames: Sequence[Affine]) -> list[Mask | None]:
    """For each face's frame, what is painted for other faces whose masks touch its own.

    Args:
        holes: bool (256, 256) each, True = painted.
        frames: photo px to frame px, of each.

    Returns:
        bool (256, 256) each; None where no mask touches.
    """
    return [_beside(index, holes, frames) for index in range(len(holes))]


def is_over_others(
    mask: Mask, frame: Affine, masks: Sequence[Mask], frames: Sequence[Affine]
) -> bool:
    """Whether most of what a face's frame shows of some masks lies over other faces.

    Args:
        mask: bool (256, 256), True = covered.
        frame: photo px to frame px.
        masks: from `over_face`, of each of the other faces.
        frames: photo px to frame px, of each of these.
    """
    theirs = _shown_in(frame, masks, frames)
    return 2 * int((mask & theirs).sum()) > int(mask.sum())


def over_face(mask: Mask) -> Mask:
    """The parts of a mask that reach the face itself, not just its frame; bool (256, 256)."""
    count, parts = cv2.connectedComponents(mask.astype(np.uint8))
    reaching = np.zeros(count, np.bool_)
    reaching[parts[face_oval() & mask]] = True
    return np.asarray(reaching[parts], np.bool_)


def joined(hole: Mask, beside: Mask | None) -> Mask:
    """A hole and what lies beside it, see `masks_beside`; bool (256, 256)."""
    return hole if beside is None else hole | beside


def _shown_in(frame: Affine, masks: Sequence[Mask], frames: Sequence[Affine]) -> Mask:
    """What a frame shows of the masks of other frames."""
    shown = np.zeros((FRAME_PX, FRAME_PX), np.bool_)
    for mask, other in zip(masks, frames, strict=True):
        to_other = compose(other, invert(frame))
        if _may_meet(to_other):
            shown |= _warp(mask, to_other)
    return shown


def _beside(index: int, holes: Sequence[Mask], frames: Sequence[Affine]) -> Mask | None:
    hole, others = holes[index], [other for other in range(len(holes)) if other != index]
    theirs = _shown_in(frames[index], [holes[i] for i in others], [frames[i] for i in others])
    if not (theirs & (cv2.dilate(hole.astype(np.uint8), _square(_TOUCH_PX)) > 0)).any():
        return None
    # The px of two frames lie askew: between holes that touch, a px may belong to neither.
    joint = cv2.morphologyEx((hole | theirs).astype(np.uint8), cv2.MORPH_CLOSE, _square(1))
    return np.asarray((joint > 0) & ~hole, np.bool_)


def _may_meet(to_other: Affine) -> bool:
    """Whether two frames can show the same pixels."""
    gap = float(np.linalg.norm(transform(_CENTRE, to_other) - _CENTRE))
    return bool(gap <= _HALF_DIAGONAL_PX * (1 + scale_of(to_other)))


def _square(px: int) -> npt.NDArray[np.uint8]:
    return np.ones((2 * px + 1, 2 * px + 1), np.uint8)


def _claimed(
    index: int, holes: Sequence[Mask], bodies: Sequence[Mask], frames: Sequence[Affine]
) -> Mask:
    """The part of a face's hole to which others have a better right."""
    claimed = np.zeros_like(holes[index])
    for other in range(len(holes)):
        if other == index:
            continue
        to_other = compose(frames[other], invert(frames[index]))
        if not _may_meet(to_other):
            continue
        y, x = np.nonzero(_warp(holes[other], to_other) & holes[index])
        is_theirs, is_own = _warp(bodies[other], to_other)[y, x], bodies[index][y, x]
        better = np.where(is_theirs == is_own, _is_nearer(x, y, to_other), is_theirs)
        claimed[y[better], x[better]] = True
    return claimed


def _of_others(hole: Mask, frame: Affine, others: Sequence[Affine]) -> Mask:
    """The part of a hole that is nearer to the mouths of other faces."""
    theirs = np.zeros_like(hole)
    y, x = np.nonzero(hole)
    for other in others:
        theirs[y, x] |= _is_nearer(x, y, compose(other, invert(frame)))
    return theirs


def _is_nearer(x: Indices, y: Indices, to_other: Affine) -> Mask:
    """Whether px of a frame are nearer to the mouth of another face than to their own face's."""
    own = np.stack([x, y], axis=1).astype(np.float32)
    here, there = own - _MIDDLE, transform(own, to_other) - _MIDDLE
    return np.asarray(np.square(there).sum(axis=1) < np.square(here).sum(axis=1), np.bool_)


def _warp(mask: Mask, to_mask: Affine) -> Mask:
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(mask.astype(np.uint8), to_mask, mask.shape[::-1], flags=flags) > 0


def _largest_part(mask: Mask) -> Mask:
    count, parts, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    if count < 3:
        return mask
    return np.asarray(parts == 1 + stats[1:, cv2.CC_STAT_AREA].argmax(), np.bool_)
