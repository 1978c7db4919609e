"""Light, colour, blur and compression varied as by cameras and phones."""

import cv2
import numpy as np

from models.pixels import Image


def vary_look(image: Image, rng: np.random.Generator) -> Image:
    """The same picture in another light, through another camera.

    Args:
        image: RGB, uint8 (H, W, 3).
        rng: source of the changes.
    """
    image = _tone(image, rng)
    if rng.random() < 0.12:
        image = np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    if rng.random() < 0.2:
        image = _blur(image, rng)
    if rng.random() < 0.15:
        image = _grain(image, rng)
    if rng.random() < 0.35:
        image = _compress(image, int(rng.integers(25, 95)))
    return np.ascontiguousarray(image, np.uint8)


def _tone(image: Image, rng: np.random.Generator) -> Image:
    """Gamma, contrast, brightness and tint, in one table a channel."""
    ramp = np.linspace(0, 1, 256)
    gamma = np.exp(rng.normal(0, 0.25))
    contrast, shift = np.exp(rng.normal(0, 0.15)), rng.normal(0, 0.06)
    if rng.random() < 0.1:  # at night
        contrast *= rng.uniform(0.25, 0.6)
    tints = np.exp(rng.normal(0, 0.07, 3))
    tables = [np.clip((ramp**gamma * contrast + shift) * tint, 0, 1) * 255 for tint in tints]
    table = np.stack(tables, axis=-1).round().astype(np.uint8)[None]
    return np.asarray(cv2.LUT(image, table), np.uint8)


def _blur(image: Image, rng: np.random.Generator) -> Image:
    if rng.random() < 0.5:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.5, 2.0))), np.uint8)
    height, width = image.shape[:2]
    factor = float(rng.uniform(0.35, 0.9))
    small = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height)), np.uint8)


def _grain(image: Image, rng: np.random.Generator) -> Image:
    height, width = image.shape[:2]
    noise = rng.normal(0, rng.uniform(2, 12), (height // 2 + 1, width, 3)).astype(np.float32)
    noise = np.concatenate([noise, noise[::-1]])[:height]
    return np.asarray(np.clip(image + noise, 0, 255), np.uint8)


def _compress(image: Image, quality: int) -> Image:
    # OpenCV's channel order doesn't matter: it is the same on the way back.
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
