"""Light and dark of the cloth: its overall form, pleats, wrinkles, seams and felt."""

import cv2
import numpy as np

from models.training.drawing.sheet import Field, Sheet, enlarge, look_up, smooth_noise

_CURVE = 1024  # samples of a fold's profile
_AT = np.linspace(0, 1, _CURVE)


def fold_cloth(sheet: Sheet, shape: str, unit: float, rng: np.random.Generator) -> Field:
    """Factors on the cloth's colour, float32 (H, W), about 1.

    Args:
        sheet: cloth coordinates of each pixel.
        shape: family of the outline.
        unit: px from the bridge of the nose to the chin.
        rng: source of randomness.
    """
    shade = _relief(sheet, shape, rng)
    shade *= _creases(sheet, shape, rng)
    shade *= _seams(sheet, shape, rng)
    if rng.random() < 0.6:
        shade *= _felt(sheet, unit, rng)
    return shade


def _relief(sheet: Sheet, shape: str, rng: np.random.Generator) -> Field:
    """The overall form in a random light: dome, nose, rumpled cloth."""
    size = sheet.coarse
    across = cv2.resize(sheet.across, size[::-1], interpolation=cv2.INTER_LINEAR)
    down = cv2.resize(sheet.down, size[::-1], interpolation=cv2.INTER_LINEAR)
    bulge = {"cup": 0.55, "boat": 0.5}.get(shape, 0.4) * rng.uniform(0.6, 1.3)
    height = bulge * np.sqrt(np.maximum(1.15 - across**2, 0.02))
    height += 0.5 * bulge * np.sqrt(np.maximum(1.2 - (2 * down - 1.05) ** 2, 0.02))
    nose = np.exp(-((across / 0.22) ** 2) - ((down - 0.2) / 0.3) ** 2)
    height += rng.uniform(0.02, 0.1) * nose
    cells = (int(rng.integers(4, 10)), int(rng.integers(3, 9)))
    rumple = rng.uniform(0.0, 0.02 if shape == "cup" else 0.05)
    height += rumple * smooth_noise(rng, cells, size)
    slope_y, slope_x = np.gradient(height.astype(np.float32))
    light_x, light_y = rng.normal(0, 1.5), rng.uniform(-0.5, 2.5)
    shade = 1 + rng.uniform(0.6, 1.4) * (slope_x * light_x + slope_y * light_y)
    shade -= rng.uniform(0.05, 0.4) * np.abs(across) ** 3
    shade -= rng.uniform(0.0, 0.35) * np.clip((down - 0.7) / 0.3, 0, 1) ** 2  # under the chin
    return enlarge(np.clip(shade, 0.45, 1.3), sheet.shape)


def _creases(sheet: Sheet, shape: str, rng: np.random.Generator) -> Field:
    """Pleats of a surgical mask, the folds of a boat, the rings of a cup, loose wrinkles."""
    bend = enlarge(smooth_noise(rng, (3, 3), sheet.coarse) * 0.03, sheet.shape)
    down = sheet.down + bend + rng.normal(0, 0.06) * sheet.across**2
    shade = np.ones(sheet.shape, np.float32)
    if shape == "pleated" and rng.random() < 0.93:
        shade += look_up(_pleats(rng), down, 0, 1)
        shade -= _gathers(sheet, rng)
    if shape == "boat":
        shade += look_up(_panels(rng), down, 0, 1)
    if shape == "cup" and rng.random() < 0.5:
        rings = np.sin(rng.uniform(20, 60) * _AT) * rng.uniform(0.01, 0.05)
        shade += look_up(rings, sheet.edge, 0, 0.5)
    if shape in ("contour", "scarf", "pleated"):
        shade += _wrinkles(sheet, shape, rng)
    return shade


def _pleats(rng: np.random.Generator) -> Field:
    at = _AT
    curve = np.zeros(_CURVE)
    count = int(rng.integers(2, 5))
    depth, lip = rng.uniform(0.06, 0.35), rng.uniform(0.0, 0.12)
    first, last = rng.uniform(0.18, 0.4), rng.uniform(0.6, 0.88)
    soft = rng.uniform(0.003, 0.008)
    for fold in np.linspace(first, last, count) + rng.normal(0, 0.015, count):
        width = rng.uniform(0.012, 0.05)
        below = 1 / (1 + np.exp(-np.clip((at - fold) / soft, -50, 50)))
        under = below * np.exp(-np.maximum(at - fold, 0) / width)
        over = (1 - below) * np.exp(-np.maximum(fold - at, 0) / (2 * width))
        curve += lip * over - depth * rng.uniform(0.5, 1.1) * under
    return curve.astype(np.float32)


def _gathers(sheet: Sheet, rng: np.random.Generator) -> Field:
    """Dark, short folds at both ends, where the pleats are sewn down."""
    at = np.linspace(0, 1, 24)
    ripples = np.interp(_AT, at, rng.uniform(0, 1, 24))
    weight = np.clip((np.abs(sheet.across) - rng.uniform(0.7, 0.85)) * 5, 0, 1)
    return np.asarray(look_up(ripples * rng.uniform(0, 0.25), sheet.down, 0, 1) * weight)


def _panels(rng: np.random.Generator) -> Field:
    at = _AT
    upper, lower = rng.uniform(0.25, 0.42), rng.uniform(0.58, 0.78)
    steps = rng.uniform(-0.02, 0.16) * (at < upper) - rng.uniform(0.0, 0.25) * (at > lower)
    curve = np.convolve(np.pad(steps, 10, mode="edge"), np.ones(21) / 21, mode="valid")
    for fold in (upper, lower):
        curve -= rng.uniform(0.02, 0.2) * np.exp(-(((at - fold) / rng.uniform(0.006, 0.02)) ** 2))
    return curve.astype(np.float32)


def _wrinkles(sheet: Sheet, shape: str, rng: np.random.Generator) -> Field:
    """Long soft folds that run in from the corners, where the straps pull."""
    knots = np.gradient(np.cumsum(rng.normal(0, 1, 40)))
    curve = np.interp(39 * _AT, np.arange(40), knots)
    curve = np.convolve(curve, np.hanning(41) / 20, mode="same")
    curve /= max(float(np.abs(curve).max()), 1e-6)
    side = np.abs(sheet.across)
    slant = np.asarray(sheet.down + rng.uniform(-0.5, 0.5) * side, np.float32)
    spread = np.clip(side * rng.uniform(0.6, 1.6), 0.6 if shape == "scarf" else 0.1, 1)
    amount = rng.uniform(0.0, 0.16) + (0.06 if shape == "scarf" else 0.0)
    return np.asarray(look_up(curve, slant, -0.7, 1.7) * spread * amount, np.float32)


def _seams(sheet: Sheet, shape: str, rng: np.random.Generator) -> Field:
    """Hem along the outline, middle seam, nose wire."""
    shade = np.ones(sheet.shape, np.float32)
    if rng.random() < (0.75 if shape != "scarf" else 0.3):
        shade += look_up(_hem(rng), sheet.edge, 0, 0.2)
    middle = {"contour": 0.8, "boat": 0.25, "cup": 0.15, "scarf": 0.1}.get(shape, 0.05)
    if rng.random() < middle:
        at, width = _AT - 0.5, rng.uniform(0.008, 0.025)
        line = -rng.uniform(0.08, 0.35) * np.exp(-((at / width) ** 2))
        line += rng.normal(0, 0.04) * np.tanh(at / width)
        shade += look_up(line, sheet.across, -0.5, 0.5)
    if shape in ("pleated", "boat") and rng.random() < 0.6:
        along = np.clip((rng.uniform(0.2, 0.4) - np.abs(sheet.across)) * 20, 0, 1)
        at = 0.3 * _AT
        off = (at - rng.uniform(0.04, 0.1)) / rng.uniform(0.01, 0.025)
        wire = -rng.uniform(0.04, 0.25) * off * np.exp(-(off**2))  # light above, dark below
        shade += look_up(wire, sheet.down, 0, 0.3) * along
    return shade


def _hem(rng: np.random.Generator) -> Field:
    at = 0.2 * _AT
    hem, width = rng.uniform(0.02, 0.07), rng.uniform(0.004, 0.012)
    line = -rng.uniform(0.03, 0.22) * np.exp(-(((at - hem) / width) ** 2))
    line += rng.uniform(-0.06, 0.1) * np.clip((hem - at) / 0.005, 0, 1)
    return (line - rng.uniform(0, 0.15) * np.exp(-at / 0.015)).astype(np.float32)


def _felt(sheet: Sheet, unit: float, rng: np.random.Generator) -> Field:
    """Uneven density of the material, a little above the scale of its threads."""
    step = max(2.0, unit / 40)
    cells = (int(sheet.shape[0] / step), int(sheet.shape[1] / step))
    return 1 + np.float32(rng.uniform(0.0, 0.04)) * smooth_noise(rng, cells, sheet.shape)
