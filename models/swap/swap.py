"""The swap stage's work: the person's own lower face in place of the painted one."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import cv2
import numpy as np

from models.choices import Blend, Warp
from models.crop.edge import inside_photo, lies_inside
from models.crop.frame import FRAME_PX, fit_similarity, scale_affine, scale_of, transform
from models.errors import ReferencePhotoError
from models.landmarks.order import INNER
from models.light.lenses import find_lenses
from models.light.levels import IDENTITY, levels_of
from models.pixels import Affine, Floats, Image, Landmarks, Mask, Points
from models.swap.blend import feather, poisson, swap_weight
from models.swap.colour import light_gain, relight
from models.swap.place import MIN_VISIBLE, mesh_target, register
from models.swap.pose import are_opposite, mirrored
from models.swap.reference import Reference
from models.swap.warp import at_size, mesh_trust, warp_mesh, warp_similarity

_Move = Callable[[Image], Image]

_EDGE_PX = 4.0  # of the frame: least distance of eyes, nose and mouth from the photo's edge
_EYES_PX = 80  # of the frame: distance of the eyes
_LEAST_EYES_PX = 18  # of the photo: with 12 the result is a blur, or the face is found on its side
_RIM_PX = 3  # of the frame: around a reference's dark lenses, which the warp would carry along


def swap_face(
    painted: Image,
    landmarks: Landmarks,
    hole: Mask,
    reference: Reference,
    warp: Warp = "mesh",
    blend: Blend = "feather",
) -> Image:
    """Puts the reference's lower face into the hole of the painted face.

    Points and the hole are px of the 256 px frame. Pictures show the same frame and may be larger:
    the result has the reference's size, so that its detail survives. A reference whose head is
    turned to the other side is mirrored first; one that `is_turned_too_far` breaks the nose. Dark,
    flat and tinted photos and references are swapped in usual levels: see `models.light.levels`.

    Args:
        painted: canonical frame, uint8 (P, P, 3), P >= 256.
        landmarks: float32 (68, 2), (x, y) px of the frame, of `painted`.
        hole: bool (256, 256), True = painted, may change.
        reference: the same person without a mask. Beyond its photo lies a mirror image, so there
            the painted face stays.
        warp: "mesh" bends the reference to the landmarks, "2d" rotates, scales and shifts it.
        blend: "feather" mixes near the edge, "poisson" keeps the reference's gradients.

    Returns:
        uint8, as large as the reference's face; outside the hole, and where the reference doesn't
        fit, it is `painted`.
    """
    of_reference = levels_of(at_size(reference.face, FRAME_PX), ~_inside(reference))
    reference = replace(reference, face=of_reference.apply(reference.face))
    levels = levels_of(at_size(painted, FRAME_PX), hole)
    swapped = _swap(levels.apply(painted), landmarks, hole, reference, warp, blend)
    if levels == IDENTITY:
        return swapped
    side = swapped.shape[0]
    changed = at_size(hole.astype(np.float32), side) > 0
    return levels.undo(swapped, at_size(painted, side), changed)


def _swap(
    painted: Image,
    landmarks: Landmarks,
    hole: Mask,
    reference: Reference,
    warp: Warp,
    blend: Blend,
) -> Image:
    """`swap_face` of a face that is shown in usual levels."""
    if are_opposite(reference.landmarks, landmarks):
        reference = mirrored(reference)
    unseen = _unseen(reference, landmarks, hole)
    move, points, trust = _lay(reference, painted, landmarks, unseen, warp)
    warped, known = move(reference.face), _known(move, reference)
    base, near = at_size(painted, FRAME_PX), at_size(warped, FRAME_PX)
    unlit = hole | find_lenses(base, hole)  # shows nothing of the light on the skin
    gain = light_gain(near, base, points, unlit if known is None else unlit | ~known)
    weight = trust * swap_weight(relight(near, gain), base, hole, points, known)
    side, join = warped.shape[0], feather if blend == "feather" else poisson
    return join(relight(warped, gain), at_size(painted, side), at_size(weight, side))


def warp_reference(
    reference: Reference, painted: Image, landmarks: Landmarks, hole: Mask, warp: Warp = "mesh"
) -> Image:
    """The reference in the photo's geometry, in its own light; arguments as for `swap_face`."""
    if are_opposite(reference.landmarks, landmarks):
        reference = mirrored(reference)
    unseen = _unseen(reference, landmarks, hole)
    return _lay(reference, painted, landmarks, unseen, warp)[0](reference.face)


def check_not_small(to_frame: Affine) -> None:
    """Refuses a reference whose photo shows the face too small to be any good.

    Args:
        to_frame: its photo's px to px of the 256 px frame.

    Raises:
        ReferencePhotoError: the eyes are under 18 px apart.
    """
    apart = _EYES_PX / scale_of(to_frame)
    if apart < _LEAST_EYES_PX:
        raise ReferencePhotoError(
            f"The face in the reference photo is too small, its eyes are {apart:.0f} px apart: "
            f"send a photo in which they are at least {_LEAST_EYES_PX} px apart."
        )


def check_not_cut_off(landmarks: Landmarks, corners: Points) -> None:
    """Refuses a reference whose eyes, nose or mouth its photo's edge cuts off.

    Args:
        landmarks: float32 (68, 2), (x, y) px of the 256 px frame.
        corners: of the photo, see `photo_corners`.

    Raises:
        ReferencePhotoError: they lie beyond the photo, or within 4 px of its edge.
    """
    square = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], np.float32) * _EDGE_PX
    if not lies_inside(landmarks[INNER, None] + square, corners).all():
        raise ReferencePhotoError(
            "The reference photo cuts the face off: send one with some space around the face."
        )


def _unseen(reference: Reference, landmarks: Landmarks, hole: Mask) -> Mask:
    """The hole and, roughly, what lies beyond the reference's photo, px of the painted face."""
    own, corners = reference.landmarks, reference.corners
    if corners is None or (seen := lies_inside(own, corners)).all():
        return hole
    some = seen if seen.sum() >= MIN_VISIBLE else np.ones_like(seen)
    return hole | ~inside_photo(transform(corners, fit_similarity(own[some], landmarks[some])))


def _known(move: _Move, reference: Reference) -> Mask | None:
    """What the reference shows of the face, once moved, bool (256, 256); None if that is all."""
    inside = _inside(reference)
    lenses = find_lenses(at_size(reference.face, FRAME_PX), ~inside).astype(np.uint8)
    shown = inside & (cv2.dilate(lenses, np.ones((2 * _RIM_PX + 1,) * 2, np.uint8)) == 0)
    if shown.all():
        return None
    return np.asarray(move(np.where(shown, 255, 0).astype(np.uint8)) == 255, np.bool_)


def _inside(reference: Reference) -> Mask:
    """What of the reference's frame its photo shows, bool (256, 256)."""
    if reference.corners is None:
        return np.ones((FRAME_PX, FRAME_PX), np.bool_)
    return inside_photo(reference.corners)


def _lay(
    reference: Reference, painted: Image, landmarks: Landmarks, hole: Mask, warp: Warp
) -> tuple[_Move, Landmarks, Floats]:
    """A function that warps pictures of the reference's frame, its points then, and its trust."""
    small, base = at_size(reference.face, FRAME_PX), at_size(painted, FRAME_PX)
    own = reference.landmarks
    laid = register(small, own, base, landmarks, hole)
    if warp == "2d":
        everywhere = np.ones(hole.shape, np.float32)
        return partial(warp_similarity, laid=laid), transform(own, laid), everywhere
    target = mesh_target(own, landmarks, laid, hole)

    def bend(picture: Image) -> Image:
        grow = scale_affine(picture.shape[0])
        return warp_mesh(picture, transform(own, grow), transform(target, grow))

    return bend, target, mesh_trust(own, target)
