"""The swap stage's work: the person's own lower face in place of the painted one."""

from typing import Literal

from models.crop.frame import FRAME_PX, scale_affine, transform
from models.pixels import Image, Landmarks, Mask
from models.swap.blend import feather, poisson, swap_weight
from models.swap.colour import light_gain, relight
from models.swap.place import mesh_target, register
from models.swap.warp import at_size, warp_mesh, warp_similarity

Warp = Literal["mesh", "2d"]
Blend = Literal["feather", "poisson"]


def swap_face(
    painted: Image,
    landmarks: Landmarks,
    mask: Mask,
    reference: Image,
    reference_landmarks: Landmarks,
    warp: Warp = "mesh",
    blend: Blend = "feather",
) -> Image:
    """Puts the reference's lower face into the masked part of the painted face.

    Points and masks are px of the 256 px frame. Pictures show the same frame and may be larger:
    the result has the reference's size, so that its detail survives.

    Args:
        painted: canonical frame, uint8 (P, P, 3), P >= 256.
        landmarks: float32 (68, 2), (x, y) px of the frame, of `painted`.
        mask: bool (256, 256), True = was hidden and may change.
        reference: the same person without a mask, canonical frame, uint8 (S, S, 3), S >= 256.
        reference_landmarks: float32 (68, 2), (x, y) px of the frame, of `reference`.
        warp: "mesh" bends the reference to the landmarks, "2d" turns, scales and shifts it.
        blend: "feather" mixes near the edge, "poisson" keeps the reference's gradients.

    Returns:
        uint8 (S, S, 3); beyond the mask and where the reference doesn't fit it is `painted`.
    """
    warped, points = _lay(reference, reference_landmarks, painted, landmarks, mask, warp)
    base, near = at_size(painted, FRAME_PX), at_size(warped, FRAME_PX)
    gain = light_gain(near, base, points, mask)
    weight = swap_weight(relight(near, gain), base, mask, points)
    side, join = reference.shape[0], feather if blend == "feather" else poisson
    return join(relight(warped, gain), at_size(painted, side), at_size(weight, side))


def warp_reference(
    reference: Image,
    reference_landmarks: Landmarks,
    painted: Image,
    landmarks: Landmarks,
    mask: Mask,
    warp: Warp = "mesh",
) -> Image:
    """The reference in the photo's geometry and its own light; arguments as for `swap_face`."""
    return _lay(reference, reference_landmarks, painted, landmarks, mask, warp)[0]


def _lay(
    reference: Image,
    own: Landmarks,
    painted: Image,
    landmarks: Landmarks,
    mask: Mask,
    warp: Warp,
) -> tuple[Image, Landmarks]:
    """The warped reference and where its points lie then, px of the frame."""
    side = reference.shape[0]
    small, base = at_size(reference, FRAME_PX), at_size(painted, FRAME_PX)
    laid = register(small, own, base, landmarks, mask)
    if warp == "2d":
        return warp_similarity(reference, laid), transform(own, laid)
    target, grow = mesh_target(own, landmarks, laid, mask), scale_affine(side)
    return warp_mesh(reference, transform(own, grow), transform(target, grow)), target
