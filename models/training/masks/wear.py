"""Draws a face mask on a photo and says exactly which pixels it hides."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from models.pixels import Image, Landmarks, Mask
from models.training.masks import shapes
from models.training.masks.fabrics import Fabric, make_fabric
from models.training.masks.face import Face, Points, loosen, measure
from models.training.masks.kinds import Kind, pick_kind, pick_shape
from models.training.masks.light import light_colours, measure_light
from models.training.masks.sheet import Colours, Field, Window, enlarge, in_colour, lay_sheet

_MOUTH = slice(48, 60)
_LOOSE_TRIES = (1.0, 1.0, 0.7, 0.45, 0.2, 0.0)  # strengths, until the mouth is covered
_SUBPIXEL_BITS = 4
_VISIBLE = 0.1  # alpha below this is dropped, so that the mask stays exact


@dataclass(frozen=True)
class Worn:
    image: Image  # the masked face
    mask: Mask  # every pixel of the mask and its straps
    shadow: Mask  # pixels beside the mask that its soft shadow darkened
    kind: str


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
        landmarks: float32 (68, 2), (x, y) px, iBUG order; points may lie outside.
        rng: source of the randomness; the same state draws the same mask.
        kind: one of `KINDS`; None takes a random one.
        independent_outline: move and bend the outline away from the landmarks, so that
            a net can't read them off it (training); False lets the mask sit well.

    Returns:
        The masked face and its exact mask. Outside `mask` and `shadow` no pixel changed.

    Raises:
        ValueError: there is no such kind.
    """
    name, chosen = pick_kind(kind, rng)
    family = pick_shape(chosen, rng)
    face = measure(landmarks)
    shape = _fit_shape(face, chosen, family, rng, 1.0 if independent_outline else 0.0)
    window = _window(face, shape, image)
    if window is None:
        nothing = np.zeros(image.shape[:2], bool)
        return Worn(image.copy(), nothing, nothing.copy(), name)
    return _draw(image, face, shape, window, (name, chosen, family), rng)


def _fit_shape(
    face: Face, kind: Kind, family: str, rng: np.random.Generator, strength: float
) -> shapes.Shape:
    low_worn = rng.random() < 0.08
    nose = rng.uniform(4.0, 4.7) if low_worn else rng.uniform(0.3, 2.7)
    for attempt in _LOOSE_TRIES:
        loose = loosen(face, rng, strength * attempt)
        edges = shapes.EDGES[family](loose, rng, min(nose, 4.0 + attempt * 0.7))
        wobble = 0.004 + 0.016 * strength * attempt * rng.random()
        outline = shapes.close_outline(loose, edges, rng, wobble)
        if _covers(outline, face.points[_MOUTH]):
            break
    banded = rng.random() < kind.bands
    straps: tuple[shapes.Strap, ...] = ()
    if family != "scarf" and rng.random() < 0.93:
        straps = (shapes.head_bands if banded else shapes.ear_loops)(face, edges, rng)
    return shapes.Shape(edges[0], edges[1], outline, straps)


def _covers(outline: Points, points: Points) -> bool:
    polygon = outline.astype(np.float32)
    return all(cv2.pointPolygonTest(polygon, (float(x), float(y)), False) > 0 for x, y in points)


def _window(face: Face, shape: shapes.Shape, image: Image) -> Window | None:
    """The photo's part around mask, straps and shadow; None if the mask is outside."""
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
    shape: shapes.Shape,
    window: Window,
    what: tuple[str, Kind, str],
    rng: np.random.Generator,
) -> Worn:
    name, kind, family = what
    cloth = _fill(window, face.to_px(shape.outline))
    sheet = lay_sheet(face, shape, window, (cloth > 127).astype(np.uint8))
    fabric = make_fabric(kind, family, sheet, face.unit, rng)
    light = measure_light(image, window, face.unit, rng)
    cover = _add_straps(fabric, cloth, face, shape, window)
    lit = light_colours(fabric.colours, fabric.shade, fabric.rough, light, rng)
    alpha = cv2.GaussianBlur(cover.astype(np.float32) / 255, (0, 0), light.blur_px)
    alpha = np.clip((alpha - _VISIBLE) / (1 - 2 * _VISIBLE), 0, 1).astype(np.float32)
    dark = _cast(alpha, sheet.coarse, face.unit, rng)
    return _compose(image, window, lit, alpha, dark, name)


def _fill(window: Window, polygon_px: Points) -> npt.NDArray[np.uint8]:
    """Antialiased coverage of a polygon, 0..255."""
    canvas = np.zeros(window.shape, np.uint8)
    cv2.fillPoly(canvas, [_fixed(window, polygon_px)], 255, cv2.LINE_AA, _SUBPIXEL_BITS)
    return canvas


def _fixed(window: Window, points: Points) -> npt.NDArray[np.int32]:
    shifted = (points - (window.x0, window.y0)) * 2**_SUBPIXEL_BITS
    return np.round(np.clip(shifted, -(2**24), 2**24)).astype(np.int32)


def _add_straps(
    fabric: Fabric,
    cloth: npt.NDArray[np.uint8],
    face: Face,
    shape: shapes.Shape,
    window: Window,
) -> npt.NDArray[np.uint8]:
    """Coverage with the straps, which run out from under the cloth; colours them in place."""
    straps, around = np.zeros_like(cloth), np.zeros_like(cloth)
    for strap in shape.straps:
        path = _fixed(window, face.to_px(strap.path))
        thick = max(1, round(strap.width * face.unit))
        cv2.polylines(straps, [path], False, 255, thick, cv2.LINE_AA, _SUBPIXEL_BITS)
        # Colour reaches further than coverage, so that soft edges don't fray.
        cv2.polylines(around, [path], False, 255, thick + 6, cv2.LINE_8, _SUBPIXEL_BITS)
    beside = (around > 0) & (cloth < 128)
    fabric.colours[beside] = fabric.strap
    fabric.shade[beside] = 0.95
    return np.maximum(cloth, straps)


def _cast(alpha: Field, coarse: tuple[int, int], unit: float, rng: np.random.Generator) -> Field:
    """The mask's soft shadow on the skin: 0 none .. 1 black."""
    step = unit * coarse[0] / alpha.shape[0]  # cells a unit; a shadow has no fine parts
    small = cv2.resize(alpha, coarse[::-1], interpolation=cv2.INTER_AREA)
    shift = np.array([[1, 0, rng.normal(0, 0.015)], [0, 1, rng.uniform(0.0, 0.04)]])
    shift[:, 2] *= step
    moved = cv2.warpAffine(small, shift, coarse[::-1], borderMode=cv2.BORDER_REPLICATE)
    soft = cv2.GaussianBlur(moved, (0, 0), max(0.4, rng.uniform(0.02, 0.06) * step))
    return enlarge(rng.uniform(0.0, 0.5) * np.asarray(soft), (alpha.shape[0], alpha.shape[1]))


def _compose(
    image: Image,
    window: Window,
    lit: Colours,
    alpha: Field,
    dark: Field,
    name: str,
) -> Worn:
    area = (slice(window.y0, window.y1), slice(window.x0, window.x1))
    bare = image[area].astype(np.float32)
    skin = bare * in_colour(1 - dark)
    blended = (skin + in_colour(alpha) * (lit - skin) + 0.5).astype(np.uint8)
    worn = image.copy()
    worn[area] = blended
    mask, shadow = np.zeros(image.shape[:2], bool), np.zeros(image.shape[:2], bool)
    mask[area] = alpha > 0
    change = cv2.absdiff(blended, np.ascontiguousarray(image[area]))
    shadow[area] = (change[..., 0] | change[..., 1] | change[..., 2]) > 0
    return Worn(worn, mask, shadow & ~mask, name)
