"""Masks drawn over a photo by hand, used instead of what the mask net finds."""

from collections.abc import Sequence

import numpy as np

from models.crop.frame import crop_face, face_oval
from models.crop.neighbours import is_over_others, over_face, share_out
from models.errors import DrawnMaskError
from models.mask.detect import MaskFinding
from models.pixels import Affine, Image, Mask

# Of 255: a thin stroke on a large face covers a small share of a frame px; ringing is at most 2.
_LEAST = 8
# Share of the face that must stay in view. With 0.24 a mask from below hides the eyes, and what is
# painted looks like nobody; a slit that shows the eyes and brows has 0.33.
_SEEN = 0.3


def to_drawn_mask(picture: Image) -> Mask:
    """A drawn mask, bool (H, W): True where the picture, uint8 (H, W, 3), is over mid-grey.

    `decode_photo` lays transparent parts over white, so a mask on a transparent background covers
    everything.
    """
    return np.asarray(picture.max(axis=2) > 127, np.bool_)


def open_drawn(drawn: Mask, photo: Image) -> Image:
    """Checks a drawn mask, bool (H, W), against its photo.

    Returns:
        The mask as a picture, uint8 (H, W), 255 = hidden, else 0.

    Raises:
        DrawnMaskError: it has another size, or is all black or all white.
    """
    height, width = photo.shape[:2]
    if drawn.shape != (height, width):
        raise DrawnMaskError(
            f"The mask has {drawn.shape[1]} x {drawn.shape[0]} px, the upright photo "
            f"{width} x {height}: send one of the same size."
        )
    if not drawn.any():
        raise DrawnMaskError("The mask is black: make the part to paint white.")
    if drawn.all():
        raise DrawnMaskError("The mask is white all over: make the rest black, not transparent.")
    return np.multiply(drawn, 255, dtype=np.uint8)


def cut_drawn(drawn: Image, frame: Affine, usual: Affine) -> MaskFinding:
    """The part of a drawn mask that one face's frame shows.

    Args:
        drawn: from `open_drawn`.
        frame: photo px to frame px.
        usual: the same for the face's usual frame, if `frame` shows more below.

    Returns:
        Its probability is 1 if there is any and it leaves enough of the face to paint by; else 0.
    """
    mask, seen = _cut(drawn, frame), ~_cut(drawn, usual)[face_oval()]
    return MaskFinding(mask, float(mask.any() and seen.mean() >= _SEEN))


def _cut(drawn: Image, frame: Affine) -> Mask:
    return np.asarray(crop_face(drawn, frame) > _LEAST, np.bool_)


def beside_drawn(white: Image, frames: Sequence[Affine], are_sure: Sequence[bool]) -> set[int]:
    """Doubtful finds, by index, whose frames show little but what is drawn over sure faces.

    A hand on a face, or a poster behind it, would take a part of that face's mask.

    Args:
        white: the drawn mask, see `open_drawn`.
        frames: photo px to frame px, of all that were found.
        are_sure: which of them are faces for sure.
    """
    if all(are_sure) or not any(are_sure):
        return set()
    masks = [_cut(white, frame) for frame in frames]
    faces = [index for index, is_sure in enumerate(are_sure) if is_sure]
    over = [over_face(masks[index]) for index in faces], [frames[index] for index in faces]
    doubtful = set(range(len(frames))) - set(faces)
    return {index for index in doubtful if is_over_others(masks[index], frames[index], *over)}


def share_drawn(
    found: Sequence[MaskFinding], frames: Sequence[Affine], others: Sequence[Affine]
) -> list[MaskFinding]:
    """What faces show of a drawn mask; none if all of it belongs to other faces.

    Args:
        found: from `cut_drawn`.
        frames, others: see `share_out`.

    Raises:
        DrawnMaskError: it leaves too little of every face that it is on.
    """
    shares = share_out([one.mask for one in found], frames, others)
    worn = [one for one, share in zip(found, shares, strict=True) if share.any()]
    if worn and not any(one.probability for one in worn):
        raise DrawnMaskError(
            "The mask leaves too little of the face: keep the eyes and brows free."
        )
    return [
        one if share.any() else MaskFinding(share, 0.0)
        for one, share in zip(found, shares, strict=True)
    ]
