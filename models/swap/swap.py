"""The swap stage's work: the person's own lower face in place of the painted one."""

from typing import Literal

from models.crop.frame import transform
from models.pixels import Image, Landmarks, Mask
from models.swap.blend import feather, poisson, swap_weight
from models.swap.colour import match_light
from models.swap.warp import fit_similarity, warp_2d, warp_mesh

MOUTH = slice(48, 68)  # of the 68 landmarks

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

    Args:
        painted: canonical frame, uint8 (256, 256, 3).
        landmarks: float32 (68, 2), (x, y) px of `painted`.
        mask: bool (256, 256), True = was hidden and may change.
        reference: the same person without a mask, canonical frame, uint8 (256, 256, 3).
        reference_landmarks: float32 (68, 2), (x, y) px of `reference`.
        warp: "mesh" bends the reference to the landmarks, "2d" turns, scales and shifts it.
        blend: "feather" mixes near the edge, "poisson" keeps the reference's gradients.

    Returns:
        uint8 (256, 256, 3); equals `painted` beyond the mask. Straps and what else of the mask
        lies beyond the face stay painted.
    """
    warped = warp_reference(reference, reference_landmarks, landmarks, mask, warp)
    lit = match_light(warped, painted, landmarks, mask)
    join = feather if blend == "feather" else poisson
    return join(lit, painted, swap_weight(mask, landmarks))


def warp_reference(
    reference: Image,
    reference_landmarks: Landmarks,
    landmarks: Landmarks,
    mask: Mask,
    warp: Warp = "mesh",
) -> Image:
    """The reference in the painted face's geometry; arguments as for `swap_face`.

    The mouth keeps its own shape and is only put into place: opened or closed by the mesh it
    would show stretched lips for teeth.
    """
    if warp == "2d":
        return warp_2d(reference, reference_landmarks, landmarks, mask)
    target = landmarks.copy()
    own, guessed = reference_landmarks[MOUTH], landmarks[MOUTH]
    target[MOUTH] = transform(own, fit_similarity(own, guessed))
    return warp_mesh(reference, reference_landmarks, target)
