"""Tells light of a strong colour, as on a stage or in a club, from what skin looks like by itself.

Skin of all people has much the same hue, from very dark to very pale: more red than green, and less
blue. A face far from that was lit by coloured light. Only warm light, as lamps give it, is left as
it is: the nets know it, and what blue there is left is noise.
"""

import cv2
import numpy as np
import numpy.typing as npt

from models.one_tone import tone_curve
from models.pixels import Image

Gains = tuple[float, float, float]  # of red, green and blue

UNCHANGED: Gains = (1.0, 1.0, 1.0)
_FEWEST = 100  # px
_EVERY = 3  # px that are looked at for one tone
# How warm (red against blue) a face is and how little green, halves of logarithms to base 2: the
# middle, and how far others are from it. Of 3,500 bare faces 17 are farther, most of them tinted to
# the eye.
_SKIN, _REACH = np.array([0.45, 0.07]), np.array([0.70, 0.40])
_STEEP = 3  # how soon beyond it the full correction is reached
_LAMP = -1.2  # logarithm of blue over green: as lamps have it, or even less
_MOST = 2.0  # of the logarithms: what a channel lacks more of is noise


def gains_against(skin: Image) -> Gains:
    """What takes a strong colour out of the light; the brightness stays.

    Nothing jumps where it sets in: it grows from none.

    Args:
        skin: uint8 (N, 3) RGB, the face that is seen.

    Returns:
        Factors; `UNCHANGED` in usual light, and in photos of one tone, which have their own way.
    """
    if len(skin) < _FEWEST:
        return UNCHANGED
    mean = np.maximum(skin.mean(axis=0), 1.0)
    red, blue = np.log2(mean[[0, 2]] / mean[1])
    blue = max(blue, _LAMP)
    off = np.array([red - blue, red + blue]) / 2 - _SKIN
    off[0] = min(off[0], 0.0)
    far = float(np.linalg.norm(off / _REACH))
    if far <= 1 or tone_curve(skin[::_EVERY]) is not None:
        return UNCHANGED
    warm, tint = -off * (1 - far**-_STEEP)
    red, blue = np.exp2(np.clip((tint + warm, tint - warm), -_MOST, _MOST))
    gains = np.array([red, 1.0, blue])
    gains *= _brightness(mean) / _brightness(mean * gains)
    return float(gains[0]), float(gains[1]), float(gains[2])


def _brightness(colour: npt.NDArray[np.float64]) -> float:
    return float(cv2.cvtColor(colour.astype(np.float32)[None, None], cv2.COLOR_RGB2GRAY)[0, 0])
