"""Masks for the judge, drawn in another way than the masks that the mask net learns from.

A smooth closed curve around nose and mouth, filled with plain or striped cloth, with a patch of
any picture, or with what a real masked face wears in the same place.
"""

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from models.landmarks.order import NOSE_TIP, eye_centres
from models.pixels import Image, Landmarks, Mask

Field = npt.NDArray[np.float32]

_CORNERS = 48  # points of a curve
_STRAPLESS = 0.4


def draw_shape(points: Landmarks, shape: tuple[int, int], rng: np.random.Generator) -> Mask:
    """A closed curve around nose and mouth: oval, cup, box or hanging cloth.

    Args:
        points: float32 (68, 2), (x, y) px, iBUG order.
        shape: height and width, px.
        rng: source of randomness.

    Returns:
        bool `shape`, True inside.
    """
    left, right = eye_centres(points)
    eyes = right - left
    unit, angle = float(np.hypot(*eyes)), float(np.arctan2(eyes[1], eyes[0]))
    centre = points[NOSE_TIP] * 0.45 + points[8] * 0.55 + rng.normal(0, 0.07, 2) * unit
    wide, high = rng.uniform(0.65, 1.15) * unit, rng.uniform(0.5, 0.95) * unit
    corners = _curve(rng) * (wide, high)
    turn = angle + rng.normal(0, 0.08)
    axes = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    canvas = np.zeros(shape, np.uint8)
    cv2.fillPoly(canvas, [np.round(corners @ axes + centre).astype(np.int32)], 1)
    return canvas > 0


def _curve(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """(_CORNERS, 2): a superellipse, slightly bent; y down, within about -1..1."""
    angle = np.linspace(0, 2 * np.pi, _CORNERS, endpoint=False)
    power = rng.uniform(0.35, 1.0)  # 1: oval; below: box
    x, y = (np.sign(v) * np.abs(v) ** power for v in (np.cos(angle), np.sin(angle)))
    x = x * (1 + rng.uniform(-0.35, 0.15) * y)  # narrower or wider towards the chin
    y = y - rng.uniform(-0.1, 0.35) * (1 - np.abs(x)) * (y < 0)  # up the nose, or lower
    if rng.random() < 0.15:
        y = np.where(y > 0, y * rng.uniform(1.3, 2.2), y)  # a scarf
    waves = sum(rng.normal(0, 0.03 / k) * np.cos(k * angle + rng.uniform(0, 6)) for k in (2, 3, 5))
    return np.asarray(np.stack([x, y], axis=1) * (1 + np.asarray(waves))[:, None])


def make_cloth(face: Image, others: Callable[[], Image], rng: np.random.Generator) -> Image:
    """A picture of the face's size filled with cloth: plain, striped or torn from a photo.

    Args:
        face: its light falls on the cloth.
        others: returns another picture of the same size at each call.
        rng: source of randomness.
    """
    colour = rng.uniform(0, 255, 3) if rng.random() < 0.5 else np.full(3, rng.uniform(10, 250))
    if rng.random() < 0.3:
        colour = np.array([150, 190, 215]) + rng.normal(0, 20, 3)
    cloth = np.broadcast_to(colour, face.shape).astype(np.float32)
    kind = rng.random()
    if kind < 0.25:
        stripes = np.sin(_ramp(face.shape, rng) * rng.uniform(0.1, 1.0))
        cloth = cloth + np.sign(stripes)[..., None] * rng.normal(0, 50, 3)
    elif kind < 0.5:
        cloth = _torn(others(), rng).astype(np.float32)
    folds = np.sin(_ramp(face.shape, rng) * rng.uniform(0.05, 0.35)) * rng.uniform(0, 14)
    weave = rng.normal(0, rng.uniform(0.5, 7), face.shape[:2])
    shade = _light(face) * rng.uniform(0.75, 1.15)
    lit = cloth * shade[..., None] + (folds + weave)[..., None]
    return np.asarray(np.clip(lit, 0, 255), np.uint8)


def lay_on(face: Image, cover: Image, where: Mask, rng: np.random.Generator) -> tuple[Image, Mask]:
    """The face with the cover on it, softly edged, and the pixels that show the cover."""
    soft = cv2.GaussianBlur(where.astype(np.float32), (0, 0), float(rng.uniform(0.5, 1.6)))
    shadow = cv2.GaussianBlur(where.astype(np.float32), (0, 0), float(rng.uniform(2, 6)))
    dark = face * (1 - rng.uniform(0, 0.4) * shadow[..., None])
    mixed = dark + soft[..., None] * (cover - dark)
    return np.clip(mixed, 0, 255).astype(np.uint8), np.asarray(soft > 0.5, np.bool_)


def draw_straps(points: Landmarks, where: Mask, rng: np.random.Generator) -> Mask:
    """Lines from the mask's sides towards the ears; sometimes none."""
    canvas = np.zeros(where.shape, np.uint8)
    if rng.random() < _STRAPLESS or not where.any():
        return canvas > 0
    rows, columns = np.nonzero(where)
    width = int(rng.integers(1, 5))
    for side, ear in ((columns.min(), points[0]), (columns.max(), points[16])):
        for row in np.percentile(rows, rng.uniform((10, 55), (40, 90))):
            start = (int(side), round(float(row)))
            end = np.round(ear + rng.normal(0, 8, 2)).astype(int)
            cv2.line(canvas, start, (int(end[0]), int(end[1])), 1, width)
    return canvas > 0


def _ramp(shape: tuple[int, ...], rng: np.random.Generator) -> Field:
    """Distance along a random direction, px, slightly bent."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    angle = rng.uniform(0, np.pi)
    bent = rng.uniform(0, 12) * np.sin(x / shape[1] * rng.uniform(2, 9))
    return np.asarray(x * np.cos(angle) + y * np.sin(angle) + bent, np.float32)


def _torn(picture: Image, rng: np.random.Generator) -> Image:
    """A patch of a picture, enlarged, with swapped colour channels and rotated."""
    side = int(rng.integers(24, 160))
    y, x = rng.integers(0, np.array(picture.shape[:2]) - side + 1)
    patch = picture[y : y + side, x : x + side][..., rng.permutation(3)]
    patch = np.rot90(patch, int(rng.integers(4)))
    patch = 255 - patch if rng.random() < 0.3 else patch
    size = picture.shape[1::-1]
    return np.asarray(cv2.resize(np.ascontiguousarray(patch), size), np.uint8)


def _light(face: Image) -> Field:
    """The fall of the light: blurred brightness over its mean."""
    grey = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY).astype(np.float32)
    wide = cv2.GaussianBlur(cv2.resize(grey, (32, 32)), (0, 0), 5)
    even = cv2.resize(wide, face.shape[1::-1]) / max(1.0, float(wide.mean()))
    return np.asarray(np.clip(even, 0.4, 1.6), np.float32)
