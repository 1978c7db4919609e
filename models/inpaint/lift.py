"""Makes a painted face clearer: without the painter's own grain, with more local contrast.

The finest structure that the generator paints isn't in the face: smoothing it away brings the
picture closer to the truth. Coarser structure is true but too faint, so its contrast is raised.
"""

import cv2
import numpy as np

from models.pixels import Floats, Image, Mask

GRAIN_PX = 1.0  # sigma: what is finer is the painter's own
LOCAL_PX = 10.0  # sigma: contrast is relative to the mean of this neighbourhood
CONTRAST = 0.25  # raised by this share
# The same for the second pass, on a face that its photo shows finer: there each px of the painter's
# own grain becomes several.
_LARGE_PX, _LARGE_CONTRAST = 20.0, 0.08
_EDGE_PX, _EDGE_LEVELS = 5, 4.0  # edge-preserving smoothing: its side, what counts as an edge
_FADE_PX = 8.0  # from the hole's edge inwards, or the edge itself would show
_COARSE = 4  # a wide mean is the same on a coarse grid, at a tenth of the time


def lift_detail(face: Image, hole: Mask) -> Image:
    """Smooths the painter's own grain in the hole, then raises local contrast there by a quarter.

    Args:
        face: RGB, uint8 (S, S, 3), painted, in the canonical frame.
        hole: bool (S, S), True = painted.

    Returns:
        uint8 (S, S, 3); equals `face` outside the hole.
    """
    if not hole.any():
        return face
    clear = cv2.GaussianBlur(face, (0, 0), GRAIN_PX).astype(np.float32)
    return _put_in(face, hole, _with_contrast(clear, hole, CONTRAST, LOCAL_PX))


def lift_large(face: Image, hole: Mask) -> Image:
    """The same once more, more gently: for a photo that shows the face finer than 256 px.

    Args:
        face: from `lift_detail`.
        hole: bool (S, S), True = painted.

    Returns:
        uint8 (S, S, 3); equals `face` outside the hole.
    """
    if not hole.any():
        return face
    clear = _without_grain(face.astype(np.float32))
    return _put_in(face, hole, _with_contrast(clear, hole, _LARGE_CONTRAST, _LARGE_PX))


def _put_in(face: Image, hole: Mask, lifted: Floats) -> Image:
    """`lifted` in the hole, `face` around it."""
    return np.where(hole[..., None], np.clip(np.rint(lifted), 0, 255).astype(np.uint8), face)


def _with_contrast(clear: Floats, hole: Mask, contrast: float, local_px: float) -> Floats:
    """Each px farther from its neighbourhood's mean brightness, fading to nothing at the edge."""
    # Of brightness alone: more contrast of colours would make skin blotchy.
    light = np.asarray(cv2.cvtColor(clear, cv2.COLOR_RGB2GRAY), np.float32)
    depth = cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 3)
    share = contrast * (1 - np.exp(-depth / _FADE_PX))
    change = np.asarray(share * (light - _local_mean(light, local_px)), np.float32)
    return np.asarray(clear + change[..., None], np.float32)


def _without_grain(face: Floats) -> Floats:
    """The guided filter, with the picture as its own guide: He, Sun and Tang 2010,
    doi:10.1007/978-3-642-15549-9_1."""

    def mean(values: Floats) -> Floats:
        return np.asarray(cv2.blur(values, (_EDGE_PX, _EDGE_PX)), np.float32)

    around = mean(face)
    variance = mean(face * face) - around * around
    kept = np.asarray(variance / (variance + _EDGE_LEVELS**2), np.float32)
    return mean(kept) * face + mean(around - kept * around)


def _local_mean(light: Floats, sigma: float) -> Floats:
    height, width = light.shape
    size = (width // _COARSE, height // _COARSE)
    coarse = cv2.resize(light, size, interpolation=cv2.INTER_AREA)
    coarse = cv2.GaussianBlur(coarse, (0, 0), sigma / _COARSE)
    whole = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(whole, np.float32)
