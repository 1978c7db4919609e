"""Corrects dark, flat or tinted crops to what the nets have learnt: bright, clear, skin-coloured.

The nets were trained on well-lit photos. From a crop at a quarter of the light they paint a
blurred, blotchy chin, and find half of a mask; under blue light they paint a grey chin. So they
are shown such a crop with other levels, and what they paint is converted back to the photo's own.
The lower face of a reference is treated likewise, or it would glare in haze. Photos with usual
levels are shown as they are.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from models.crop.frame import face_oval
from models.light.colour_cast import UNCHANGED, Gains, gains_against
from models.light.lenses import find_lenses
from models.pixels import Image, Mask

_FEWEST = 100  # px of the face; with fewer, all visible px count
# Levels of 255. Of 379 photos, eleven are shown corrected, most of them hardly so.
_DARK, _BRIGHT = 60.0, 120.0  # mean below which a face is brightened, and its target
_HIGHLIGHTS = 98  # percentile of brightness that stays below white
_FLAT, _CLEAR = 30.0, 55.0  # standard deviation below which contrast is raised, and its target
_MIDDLE = 125.0  # where the mean moves when contrast is raised
_MOST = 8.0  # largest factor: what is darker still is noise
_STEEP = 3  # how soon below a threshold the full correction is reached


@dataclass(frozen=True)
class Levels:
    """How a crop is corrected: multiplied by `gain` and `colour`, then `offset` is added."""

    gain: float = 1.0
    offset: float = 0.0
    colour: Gains = UNCHANGED  # a further factor for each channel

    def apply(self, face: Image) -> Image:
        """The crop as the nets see it, uint8 (S, S, 3)."""
        return face if self == IDENTITY else _rounded(face * self._gains + self.offset)

    def undo(self, painted: Image, face: Image, hole: Mask) -> Image:
        """What was painted into a shown crop, in the photo's levels; `face` outside the hole."""
        if self == IDENTITY:
            return painted
        own = _rounded((painted.astype(np.float32) - self.offset) / np.float32(self._gains))
        return np.where(hole[..., None], own, face)

    @property
    def _gains(self) -> npt.NDArray[np.float64]:
        return self.gain * np.array(self.colour)


IDENTITY = Levels()


def levels_of(face: Image, hidden: Mask | None = None) -> Levels:
    """How much a crop must be brightened, its light made whiter, and its contrast raised.

    Each correction sets in gradually, from none.

    Args:
        face: canonical crop, uint8 (256, 256, 3) RGB.
        hidden: bool (256, 256), True = doesn't count; nor do dark sunglasses. None: unknown; then
            the whole crop counts instead of the face, and the light keeps its colour.
    """
    if hidden is None:
        light = _light(face).ravel()
        return _of_light(light, light)
    seen = ~(hidden | find_lenses(face, hidden))
    of_face = seen & face_oval(face.shape[0])
    colour = gains_against(face[of_face])
    light = _light(face if colour == UNCHANGED else Levels(colour=colour).apply(face))
    enough = np.count_nonzero(of_face) >= _FEWEST
    return _of_light(light[of_face if enough else seen], light[seen], colour)


def _of_light(of_face: Image, seen: Image, colour: Gains = UNCHANGED) -> Levels:
    """Levels by the brightness of the face and of all that is seen, uint8 (N,) and (M,)."""
    if not seen.size:
        return IDENTITY
    gain = _factor(float(of_face.mean()), _DARK, _BRIGHT)
    if gain > 1:
        # Bright parts must not clip: a face in front of a window, a lit cheek below dark hair.
        gain = max(1.0, min(gain, 255 / max(float(np.percentile(seen, _HIGHLIGHTS)), 1.0)))
    lit = np.minimum(seen * np.float32(gain), 255) if gain > 1 else seen
    mean, spread = (float(value[0, 0]) for value in cv2.meanStdDev(lit))
    contrast = _factor(spread, _FLAT, _CLEAR)
    # The mean moves as the contrast begins to rise.
    middle = mean + min(1.0, 2 * (contrast - 1)) * (_MIDDLE - mean)
    return Levels(gain * contrast, middle - contrast * mean, colour)


def _factor(value: float, least: float, wanted: float) -> float:
    """1 from `least` on; below it, rises to the factor that brings `value` to `wanted`."""
    value = max(value, 1.0)
    return max(1.0, min((least / value) ** _STEEP, wanted / value, _MOST))


def _light(face: Image) -> Image:
    return np.asarray(cv2.cvtColor(face, cv2.COLOR_RGB2GRAY), np.uint8)


def _rounded(levels: npt.NDArray[Any]) -> Image:
    return np.asarray(np.clip(np.rint(levels), 0, 255), np.uint8)
