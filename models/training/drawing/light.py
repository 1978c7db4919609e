"""Gives a drawn mask the light, the blur and the grain of its photo."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from models.pixels import Image
from models.training.drawing.raster import Window
from models.training.drawing.sheet import Colours, Field, enlarge, in_colour

_LIT_SKIN = 0.62  # grey of well-lit skin of middle tone
_CELLS = 12
_SHOULDER = 205.0
_SAMPLE = 80  # px: side of the square whose sharpness is measured


@dataclass(frozen=True)
class Light:
    level: Field  # (H, W): factor on the mask's own colours
    tint: npt.NDArray[np.float32]  # (3,), about 1
    blur_px: float
    grain: float  # standard deviation, 0..1
    grey: bool


def measure_light(image: Image, window: Window, unit: float, rng: np.random.Generator) -> Light:
    """Measures brightness, colour cast, blur and grain of the face around the mask.

    Args:
        image: uint8 (H, W, 3), the bare face.
        window: where the mask will be.
        unit: px from the bridge of the nose to the chin.
        rng: source of randomness.
    """
    part = image[window.y0 : window.y1, window.x0 : window.x1]
    grey = cv2.cvtColor(part, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small.astype(np.float32) / 255, (0, 0), 1.5)
    core = small[2:-2, 3:-3]
    skin = float(np.median(core))
    # Dark skin in good light must not darken the mask: use the photo's highlights too.
    bright = float(np.percentile(image[::8, ::8], 95)) / 255
    exposure = np.clip(0.5 * skin / _LIT_SKIN + 0.5 * bright / 0.9, 0.15, 1.1)
    falloff = np.clip(small / max(skin, 0.05), 0.45, 1.45) ** rng.uniform(0.3, 0.9)
    level = enlarge(falloff * exposure * rng.uniform(0.85, 1.12), window.shape)
    colour = image[::8, ::8].reshape(-1, 3).mean(axis=0) + 20
    tint = (colour / colour.mean()) ** rng.uniform(0, 0.25)
    is_grey = bool(np.abs(image[::8, ::8].astype(np.int16) - image[::8, ::8, 1:2]).mean() < 2)
    blur, grain = _sharpness(np.asarray(grey, np.uint8), unit)
    return Light(level, tint.astype(np.float32), blur * rng.uniform(0.7, 1.3), grain, is_grey)


def _sharpness(grey: npt.NDArray[np.uint8], unit: float) -> tuple[float, float]:
    """How soft and grainy the photo is at the mask: blur in px, grain 0..1."""
    rows, columns = grey.shape
    top, left = max(0, rows // 3 - _SAMPLE // 2), max(0, (columns - _SAMPLE) // 2)
    plain = grey[top : top + _SAMPLE, left : left + _SAMPLE].astype(np.float32)
    fine = plain - cv2.GaussianBlur(plain, (0, 0), 1.0)
    coarse = plain - cv2.GaussianBlur(plain, (0, 0), 3.0)
    # The sharper an edge, the more of its fine part it keeps.
    fine, coarse = np.abs(fine), np.abs(coarse)
    strong = coarse > max(4.0, float(np.percentile(coarse, 85)))
    ratio = float(fine[strong].mean() / coarse[strong].mean()) if strong.any() else 0.3
    blur = np.clip(1.6 - 3.2 * ratio, 0.5, 1.8)
    grain = float(np.median(fine)) * 0.8 / 255
    return float(blur * max(1.0, unit / 300)), min(grain, 0.03)


def light_colours(
    colours: Colours, shade: Field, rough: float, light: Light, rng: np.random.Generator
) -> Colours:
    """Colours of the mask as the camera would have recorded them, 0..255, float32."""
    level = shade * (255 * light.level)
    lit = colours * np.asarray(cv2.merge([level * part for part in light.tint]))
    if light.grey:
        lit = in_colour(lit.mean(axis=2))
    lit = np.asarray(cv2.GaussianBlur(lit, (0, 0), max(0.3, light.blur_px - 0.4)))
    # Highlights roll off instead of clipping hard.
    lit = np.minimum(lit, 0.4 * lit + 0.6 * _SHOULDER)
    noise = rng.standard_normal(lit.shape[:2], np.float32)
    lit += in_colour(noise * (255 * light.grain + rough * level))
    return np.asarray(np.clip(lit, 0, 255, out=lit), np.float32)
