"""Faces side by side: each pixel of a photo is painted for one of them.

A face's frame shows a part of its neighbour, and where that one wears a mask too, both find it.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from models.crop.frame import compose, invert, transform
from models.pixels import Affine, Mask

_MIDDLE = (128, 150)  # of what a mask covers, px of the frame


def share_out(holes: Sequence[Mask], frames: Sequence[Affine]) -> list[Mask]:
    """What several faces would paint, each pixel of the photo by one of them.

    Args:
        holes: bool (256, 256) each, True = to be painted; may be empty.
        frames: photo px to frame px, of each.

    Returns:
        As `holes`. What two claim is left with the one to whose largest part it belongs, or else
        with the one whose mouth is nearer, by the sizes of the faces.
    """
    bodies = [_largest_part(hole) for hole in holes]
    return [
        hole & ~_claimed(index, holes, bodies, frames) if hole.any() else hole
        for index, hole in enumerate(holes)
    ]


def _claimed(
    index: int, holes: Sequence[Mask], bodies: Sequence[Mask], frames: Sequence[Affine]
) -> Mask:
    """Of one face's frame, what others have the better right to."""
    claimed = np.zeros_like(holes[index])
    for other in range(len(holes)):
        if other == index:
            continue
        to_other = compose(frames[other], invert(frames[index]))
        y, x = np.nonzero(_warp(holes[other], to_other) & holes[index])
        if len(x) == 0:
            continue
        own = np.stack([x, y], axis=1).astype(np.float32)
        here, there = own - _MIDDLE, transform(own, to_other) - _MIDDLE
        nearer = np.square(there).sum(axis=1) < np.square(here).sum(axis=1)
        is_theirs, is_own = _warp(bodies[other], to_other)[y, x], bodies[index][y, x]
        better = np.where(is_theirs == is_own, nearer, is_theirs)
        claimed[y[better], x[better]] = True
    return claimed


def _warp(mask: Mask, to_mask: Affine) -> Mask:
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(mask.astype(np.uint8), to_mask, mask.shape[::-1], flags=flags) > 0


def _largest_part(mask: Mask) -> Mask:
    count, parts, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    if count < 3:
        return mask
    return np.asarray(parts == 1 + stats[1:, cv2.CC_STAT_AREA].argmax(), np.bool_)
