"""The swap stage's work: the person's own lower face in place of the painted one."""

from typing import Literal

import numpy as np

from models.crop.frame import fit_similarity, transform
from models.pixels import Image, Landmarks, Mask
from models.swap.blend import feather, poisson, swap_weight
from models.swap.colour import match_light
from models.swap.warp import (
    MIN_VISIBLE,
    hidden_points,
    warp_2d,
    warp_mesh,
)

JAW, MOUTH = slice(0, 17), slice(48, 68)  # of the 68 landmarks
# Mean miss of the visible points, in eye distances, up to and from which the reference counts.
_FULL_TRUST, _NO_TRUST = 0.05, 0.12

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
    """The reference in the photo's geometry; arguments as for `swap_face`.

    The points in the hole go where the reference has them when its visible points lie on the
    photo's: it knows the person's jaw, the landmark net guesses it. The worse they meet, the
    more the head is turned, and the more the guess counts. The mouth keeps its own shape and
    is only put into place: opened or closed by the mesh it would show stretched lips for teeth.
    """
    if warp == "2d":
        return warp_2d(reference, reference_landmarks, landmarks, mask)
    target = _own_geometry(reference_landmarks, landmarks, mask)
    own, place = reference_landmarks[MOUTH], target[MOUTH]
    target[MOUTH] = transform(own, fit_similarity(own, place))
    return warp_mesh(reference, reference_landmarks, target)


def _own_geometry(own: Landmarks, guessed: Landmarks, mask: Mask) -> Landmarks:
    """`guessed` with its hidden points moved to where the reference has them."""
    hidden = hidden_points(guessed, mask)
    seen = ~hidden
    seen[JAW] = False  # the jaw line slides along the cheek when the head turns
    if seen.sum() < MIN_VISIBLE:
        return guessed.copy()
    aligned = transform(own, fit_similarity(own[seen], guessed[seen]))
    eyes = float(np.linalg.norm(guessed[36:42].mean(axis=0) - guessed[42:48].mean(axis=0)))
    miss = float(np.linalg.norm(aligned[seen] - guessed[seen], axis=1).mean()) / max(eyes, 1.0)
    trust = float(np.clip((_NO_TRUST - miss) / (_NO_TRUST - _FULL_TRUST), 0, 1))
    return np.where(hidden[:, None], trust * aligned + (1 - trust) * guessed, guessed)
