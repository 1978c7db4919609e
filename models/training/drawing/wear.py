"""Draws a face mask on a photo, and returns exactly which pixels it hides."""

from dataclasses import dataclass

import cv2
import numpy as np

from models.pixels import Image, Landmarks, Mask
from models.training.drawing.fabrics import Fabric, make_fabric
from models.training.drawing.face import Face, measure
from models.training.drawing.fit import fit_shape
from models.training.drawing.kinds import Kind, pick_kind, pick_shape
from models.training.drawing.light import light_colours, measure_light
from models.training.drawing.raster import Coverage, Window, draw_line, fill_polygon
from models.training.drawing.shapes import Shape
from models.training.drawing.sheet import Colours, Field, enlarge, in_colour, lay_sheet

_VISIBLE = 0.1  # coverage below this is dropped, so that the mask stays exact
_FRAY_PX = 3  # a strap's colour extends this far beyond its coverage


@dataclass(frozen=True)
class Worn:
    image: Image  # the masked face
    mask: Mask  # every pixel of the mask and its straps


def wear_mask(
    image: Image,
    landmarks: Landmarks,
    rng: np.random.Generator,
    kind: str | None = None,
    independent_outline: bool = True,
) -> Worn:
    """Draws a face mask on a face.

    Args:
        image: RGB, uint8 (H, W, 3), a bare face; it isn't changed.
        landmarks: float32 (68, 2), (x, y) px, iBUG order; points may be outside the image.
        rng: source of randomness; the same state draws the same mask.
        kind: one of `KINDS`; None takes a random one.
        independent_outline: move and bend the outline away from the landmarks, so that
            a net can't read them off it (training); False lets the mask sit well.

    Returns:
        The masked face and its exact mask. Outside `mask`, its soft shadow darkens some pixels.

    Raises:
        ValueError: there is no such kind.
    """
    chosen = pick_kind(kind, rng)
    family = pick_shape(chosen, rng)
    face = measure(landmarks)
    shape = fit_shape(face, chosen, family, rng, independent_outline)
    window = _window(face, shape, image)
    if window is None:
        return Worn(image.copy(), np.zeros(image.shape[:2], bool))
    cloth = np.zeros(window.shape, np.uint8)
    fill_polygon(cloth, window, face.to_px(shape.outline))
    return _draw(image, face, shape, window, cloth, chosen, family, rng)


def _window(face: Face, shape: Shape, image: Image) -> Window | None:
    """The part of the photo around mask, straps and shadow; None if the mask is outside."""
    local = np.concatenate([shape.outline, *(strap.path for strap in shape.straps)])
    corners = face.to_px(local)
    margin = 0.15 * face.unit + 4
    x0, y0 = np.maximum(np.floor(corners.min(axis=0) - margin), 0).astype(int)
    x1, y1 = np.ceil(corners.max(axis=0) + margin).astype(int) + 1
    x1, y1 = min(x1, image.shape[1]), min(y1, image.shape[0])
    if x1 - x0 < 2 or y1 - y0 < 2:
        return None
    return Window(int(x0), int(y0), int(x1), int(y1))


def _draw(
    image: Image,
    face: Face,
    shape: Shape,
    window: Window,
    cloth: Coverage,
    kind: Kind,
    family: str,
    rng: np.random.Generator,
) -> Worn:
    sheet = lay_sheet(face, shape, window, (cloth > 127).astype(np.uint8))
    fabric = make_fabric(kind, family, sheet, face.unit, rng)
    light = measure_light(image, window, face.unit, rng)
    cover = _add_straps(fabric, cloth, face, shape, window)
    lit = light_colours(fabric.colours, fabric.shade, fabric.rough, light, rng)
    soft = cv2.GaussianBlur(cover, (0, 0), light.blur_px).astype(np.float32) / 255
    alpha = np.clip((soft - _VISIBLE) / (1 - 2 * _VISIBLE), 0, 1).astype(np.float32)
    dark = _cast(alpha, sheet.coarse, face.unit, rng)
    return _compose(image, window, lit, alpha, dark)


def _add_straps(
    fabric: Fabric, cloth: Coverage, face: Face, shape: Shape, window: Window
) -> Coverage:
    """Coverage including the straps, which start under the cloth; colours them in place."""
    straps, around, core = np.zeros((3, *cloth.shape), np.uint8)
    for strap in shape.straps:
        path, width = face.to_px(strap.path), face.line_px(strap.width)
        draw_line(straps, window, path, width)
        draw_line(around, window, path, width + 2 * _FRAY_PX)  # so that soft edges don't fray
        draw_line(core, window, path, max(1, width // 2))
    beside = (around > 0) & (cloth < 128)
    fabric.colours[beside] = fabric.strap
    fabric.shade[beside] = fabric.strap_shade * (0.8 + 0.2 / 255 * core[beside])
    return np.asarray(np.maximum(cloth, straps), np.uint8)


def _cast(alpha: Field, coarse: tuple[int, int], unit: float, rng: np.random.Generator) -> Field:
    """The mask's soft shadow on the skin: 0 none .. 1 black."""
    step = unit * coarse[0] / alpha.shape[0]  # cells per unit; a shadow has no fine parts
    small = cv2.resize(alpha, coarse[::-1], interpolation=cv2.INTER_AREA)
    shift = np.array([[1, 0, rng.normal(0, 0.015)], [0, 1, rng.uniform(0.0, 0.04)]])
    shift[:, 2] *= step
    moved = cv2.warpAffine(small, shift, coarse[::-1], borderMode=cv2.BORDER_REPLICATE)
    soft = cv2.GaussianBlur(moved, (0, 0), max(0.4, rng.uniform(0.02, 0.06) * step))
    return enlarge(rng.uniform(0.0, 0.5) * np.asarray(soft), (alpha.shape[0], alpha.shape[1]))


def _compose(image: Image, window: Window, lit: Colours, alpha: Field, dark: Field) -> Worn:
    area = (slice(window.y0, window.y1), slice(window.x0, window.x1))
    skin = image[area].astype(np.float32) * in_colour(1 - dark)
    worn, mask = image.copy(), np.zeros(image.shape[:2], bool)
    worn[area] = (skin + in_colour(alpha) * (lit - skin) + 0.5).astype(np.uint8)
    mask[area] = alpha > 0
    return Worn(worn, mask)
