"""A grey or toned photo stays one: what was made up takes its one colour of each brightness.

In a photo of one tone (black and white, sepia) the brightness of a pixel says its colour; in one
with colours it doesn't. Nets that learnt from colours paint a bluish chin into the former.
"""

import cv2
import numpy as np
import numpy.typing as npt

from models.pixels import Image, Mask

# Root of the mean square, in levels. Of 300 photos, six had 0.1 to 0.9 and all others 2.9 or more.
MOST_OFF = 2.0
_APART_PX = 9  # of the mask: what is seen keeps away from the hole
_EVERY = 3  # px of the mask that are looked at
_FEWEST = 100
_LEAST_RANGE = 40  # levels of brightness: an even surface says nothing of other ones


def keep_tone(patch: Image, mask: Mask) -> Image:
    """Gives what was made up the tone of the photo, if that has but one.

    Args:
        patch: RGB, uint8 (S, S, 3), or finer by a whole number; equals the photo's crop beyond
            the mask.
        mask: bool (S, S), True = made up.

    Returns:
        As `patch`; equal to it beyond the mask, and where the photo has colours.
    """
    curve = _curve(patch, mask)
    if curve is None:
        return patch
    levels = curve @ _powers(np.arange(256, dtype=np.float32))
    table = np.clip(np.rint(levels), 0, 255).astype(np.uint8)  # (3, 256)
    toned = table.T[cv2.cvtColor(patch, cv2.COLOR_RGB2GRAY)]
    size = patch.shape[1::-1]
    inside = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    return np.where(inside[..., None], toned, patch)


def _curve(patch: Image, mask: Mask) -> npt.NDArray[np.float32] | None:
    """Red, green and blue as parabolas of brightness, (3, 3); None where that says too little."""
    near = cv2.dilate(mask.astype(np.uint8), np.ones((2 * _APART_PX + 1,) * 2, np.uint8))
    step = _EVERY * (patch.shape[0] // mask.shape[0])
    seen = patch[::step, ::step][near[::_EVERY, ::_EVERY] == 0]
    if len(seen) < _FEWEST:
        return None
    brightness = cv2.cvtColor(seen[None], cv2.COLOR_RGB2GRAY)[0].astype(np.float32)
    if np.ptp(brightness) < _LEAST_RANGE:
        return None
    powers = _powers(brightness)
    curve = np.linalg.lstsq(powers.T, seen.astype(np.float32), rcond=None)[0].T
    off = float(np.sqrt(np.mean(np.square(curve @ powers - seen.T))))
    return np.asarray(curve, np.float32) if off <= MOST_OFF else None


def _powers(brightness: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    share = brightness / 255
    return np.asarray(np.stack([np.ones_like(share), share, share**2]), np.float32)
