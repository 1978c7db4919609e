"""Makes a painted face clearer: without the painter's own grain, with more local contrast.

The finest structure that the generator paints isn't in the face: smoothing it away brings the
picture nearer to the truth. What is coarser is true but too faint, so contrast is raised there.
"""

import cv2
import numpy as np
import numpy.typing as npt

from models.pixels import Image, Mask

GRAIN_PX = 1.0  # sigma: what is finer is the painter's own
LOCAL_PX = 10.0  # sigma: contrast is meant against the mean of this neighbourhood
CONTRAST = 0.25  # raised by this share
_FADE_PX = 8.0  # from the hole's edge inwards, or the edge itself would show
_COARSE = 4  # a wide mean is the same on a coarse grid, at a tenth of the time


def lift_detail(face: Image, hole: Mask) -> Image:
    """Clears up what was painted.

    Args:
        face: RGB, uint8 (S, S, 3), painted, in the canonical frame.
        hole: bool (S, S), True = painted.

    Returns:
        uint8 (S, S, 3); equals `face` outside of the hole.
    """
    if not hole.any():
        return face
    clear = cv2.GaussianBlur(face, (0, 0), GRAIN_PX)
    # Of the light alone: more contrast of colours would make skin blotchy.
    light = cv2.cvtColor(clear, cv2.COLOR_RGB2GRAY).astype(np.float32)
    depth = cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 3)
    share = CONTRAST * (1 - np.exp(-depth / _FADE_PX))
    lifted = clear + (share * (light - _local_mean(light)))[..., None]
    return np.where(hole[..., None], np.clip(np.rint(lifted), 0, 255).astype(np.uint8), face)


def _local_mean(light: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    height, width = light.shape
    size = (width // _COARSE, height // _COARSE)
    coarse = cv2.resize(light, size, interpolation=cv2.INTER_AREA)
    coarse = cv2.GaussianBlur(coarse, (0, 0), LOCAL_PX / _COARSE)
    whole = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(whole, np.float32)
