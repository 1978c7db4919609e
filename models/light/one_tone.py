"""Tells photos of one tone from those with colours.

In a photo of one tone (black and white, sepia), a pixel's brightness determines its colour; in
one with colours it doesn't.
"""

import cv2
import numpy as np

from models.pixels import Floats, Image

# RMS error as a share of the range of brightness, as a darker photo also has less colour in
# levels. Of 379 photos, six had 0.0002 to 0.005 and all others 0.012 or more.
MOST_OFF = 0.01
_ROUNDING = 0.45  # levels: the error of a dark toned photo that rounding explains
_FEWEST = 100  # px
_LEAST_RANGE = 16  # levels of brightness: an even surface tells nothing about other levels


def tone_curve(seen: Image) -> Floats | None:
    """The colour of each brightness, if the pixels have a single tone.

    Args:
        seen: uint8 (N, 3), RGB.

    Returns:
        float32 (3, 256), parabolas over brightness; None if there are colours, or too little to
        tell.
    """
    if len(seen) < _FEWEST:
        return None
    brightness = cv2.cvtColor(seen[None], cv2.COLOR_RGB2GRAY)[0].astype(np.float32)
    extent = float(np.ptp(brightness))
    if extent < _LEAST_RANGE:
        return None
    powers = _powers(brightness)
    curve = np.linalg.lstsq(powers.T, seen.astype(np.float32), rcond=None)[0].T
    off = float(np.sqrt(np.mean(np.square(curve @ powers - seen.T))))
    if off > max(_ROUNDING, MOST_OFF * extent):
        return None
    # Outside the range seen, a parabola may go anywhere: there, continue the tone at its end.
    levels = np.arange(256, dtype=np.float32)
    known = np.clip(levels, brightness.min(), brightness.max())
    return np.asarray(curve @ _powers(known) + (levels - known), np.float32)


def _powers(brightness: Floats) -> Floats:
    share = brightness / 255
    return np.asarray(np.stack([np.ones_like(share), share, share**2]), np.float32)
