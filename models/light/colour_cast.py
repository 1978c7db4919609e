"""Tells strongly coloured light, as on a stage or in a club, from the colour of skin itself.

All skin, from very dark to very pale, has much the same hue: more red than green, and less blue.
A face far from that was lit by coloured light. Only warm light, as from lamps, is left as it is:
the nets know it, and what blue remains is noise.
"""

import cv2
import numpy as np
import numpy.typing as npt

from models.pixels import Image

Gains = tuple[float, float, float]  # of red, green and blue

UNCHANGED: Gains = (1.0, 1.0, 1.0)
_FEWEST = 100  # px
# A face's warmth (red against blue) and lack of green, in halves of base-2 logarithms: centre and
# half-axes of the ellipse of usual colours. Of 3,500 bare faces 17 lie outside; most of them look
# tinted.
_SKIN, _REACH = np.array([0.45, 0.07]), np.array([0.70, 0.40])
_STEEP = 3  # how soon outside it the full correction is reached
_LAMP = -1.2  # log2 of blue over green under lamps; anything lower counts as this
_MOST = 2.0  # largest correction, log2: what a channel lacks beyond this is noise


def gains_against(skin: Image) -> Gains:
    """Gains that take a strong colour out of the light and keep the brightness.

    The correction sets in gradually, from none.

    Args:
        skin: uint8 (N, 3) RGB, the visible face.

    Returns:
        Factors; `UNCHANGED` in usual light. Skin lit by one colour may be of one tone; so is that
        of a toned photo, whose tone `models.paste.tone` brings back.
    """
    if len(skin) < _FEWEST:
        return UNCHANGED
    mean = np.maximum(skin.mean(axis=0), 1.0)
    red, blue = np.log2(mean[[0, 2]] / mean[1])
    blue = max(blue, _LAMP)
    off = np.array([red - blue, red + blue]) / 2 - _SKIN
    off[0] = min(off[0], 0.0)
    far = float(np.linalg.norm(off / _REACH))
    if far <= 1:
        return UNCHANGED
    warm, tint = -off * (1 - far**-_STEEP)
    red, blue = np.exp2(np.clip((tint + warm, tint - warm), -_MOST, _MOST))
    gains = np.array([red, 1.0, blue])
    gains *= _brightness(mean) / _brightness(mean * gains)
    return float(gains[0]), float(gains[1]), float(gains[2])


def _brightness(colour: npt.NDArray[np.float64]) -> float:
    return float(cv2.cvtColor(colour.astype(np.float32)[None, None], cv2.COLOR_RGB2GRAY)[0, 0])
