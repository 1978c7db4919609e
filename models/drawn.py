"""Whose a drawn mask is, where several faces show it."""

from collections.abc import Sequence

from models.crop.detect import Face
from models.crop.frame import fit_frame
from models.mask.detect import MaskFinding
from models.mask.drawn import cut_drawn
from models.paste.neighbours import is_over_others, over_face, share_out
from models.pixels import Affine, Image


def beside_drawn(white: Image, faces: Sequence[Face], sure_score: float) -> set[int]:
    """Doubtful finds, by index, whose frames show little but what is drawn over sure faces.

    A hand on a face, or a poster behind it, would take a part of that face's mask.

    Args:
        white: the drawn mask, see `open_drawn`.
        faces: all that were found, px of the photo.
        sure_score: finds of a lower score are doubtful.
    """
    frames = [fit_frame(face.points) for face in faces]
    sure = [index for index, face in enumerate(faces) if face.score >= sure_score]
    doubtful = set(range(len(faces))) - set(sure)
    if not sure or not doubtful:
        return set()
    masks = [cut_drawn(white, frame).mask for frame in frames]
    over = [over_face(masks[index]) for index in sure], [frames[index] for index in sure]
    return {index for index in doubtful if is_over_others(masks[index], frames[index], *over)}


def share_drawn(
    found: Sequence[MaskFinding], frames: Sequence[Affine], others: Sequence[Affine]
) -> list[MaskFinding]:
    """What faces show of a drawn mask; none if all of it belongs to other faces.

    Args:
        found: from `cut_drawn`.
        frames, others: see `share_out`.
    """
    shares = share_out([one.mask for one in found], frames, others)
    return [
        one if share.any() else MaskFinding(share, 0.0)
        for one, share in zip(found, shares, strict=True)
    ]
