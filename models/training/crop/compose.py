"""Composes the detector's training canvases: scenes at all scales, and faces in tiles.

Each canvas is square and holds up to `MAX_FACES` labelled faces. A face that is too small, of
which too little is visible, or that nobody labelled is marked "don't care" rather than taught as
background.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from models.crop.detect import GREY
from models.crop.frame import shrunk, transform
from models.pixels import Affine, Floats, Image, Landmarks
from models.training.crop.labels import Picture
from models.training.drawing import wear_mask

MAX_FACES = 64
_LEAST_SIDE_PX = 10.0  # least side of a face that counts, px of the canvas
_SEEN = 0.55  # share of a face's box that must be on the canvas
_BARE = 0.4  # share of bare faces that stay bare
_DECOYS = 0.5  # share of draws from a scene with decoys that aim at one

Rectangle = tuple[int, int, int, int]  # x0, y0, x1, y1


@dataclass(frozen=True)
class Canvas:
    """A composed picture and the faces on it."""

    image: Image  # (S, S, 3)
    boxes: Floats  # (N, 4) px
    points: Floats  # (N, 5, 2) px
    trust: Floats  # (N, 5)
    counts: npt.NDArray[np.bool_]  # (N,) False: don't care, neither face nor background


@dataclass(frozen=True)
class Pool:
    """Pictures to compose from."""

    scenes: Sequence[Picture]
    faces: Sequence[Sequence[Picture]]  # one list per source
    shares: Sequence[float]  # how often a face comes from each source; sums to 1


def compose_canvas(pool: Pool, size: int, rng: np.random.Generator) -> Canvas:
    """One training canvas, size x size px."""
    canvas = np.empty((size, size, 3), np.uint8)
    whole = (0, 0, size, size)
    kind = rng.choice(4, p=[0.55, 0.15, 0.15, 0.15])
    if kind == 0:
        parts = [_scene(canvas, whole, pool, rng)]
    elif kind == 1:
        parts = [_letterbox(canvas, pool, rng)]
    elif kind == 2:
        parts = [_face(canvas, whole, pool, rng)]
    else:
        parts = [
            _scene(canvas, tile, pool, rng)
            if rng.random() < 0.2
            else _face(canvas, tile, pool, rng)
            for tile in _tiles(whole, rng, int(rng.integers(1, 4)))
        ]
    boxes, points, trust, counts = (np.concatenate(p) for p in zip(*parts, strict=True))
    first = np.argsort(~counts, kind="stable")[:MAX_FACES]
    return Canvas(canvas, boxes[first], points[first], trust[first], counts[first])


Part = tuple[Floats, Floats, Floats, npt.NDArray[np.bool_]]


def _scene(canvas: Image, tile: Rectangle, pool: Pool, rng: np.random.Generator) -> Part:
    """A scene, scaled to give one of its faces or decoys a random size."""
    picture = _pick(pool.scenes, rng)
    side = _least_side(tile)
    _fill(canvas, tile, rng)
    if len(picture.boxes) == 0 or rng.random() < 0.08:
        return _place_anywhere(canvas, tile, picture, rng)
    boxes = picture.boxes
    if len(picture.decoys) and rng.random() < _DECOYS:
        boxes = picture.decoys
    box = boxes[rng.integers(len(boxes))]
    scale = np.exp(rng.uniform(np.log(13.0), np.log(0.85 * side))) / _side(box)
    # An enlarged tiny face shows nothing.
    scale = float(np.clip(scale, 0.2, 2.5))
    affine = _aim(tile, box, scale, _turn(rng, 7.0), rng.random() < 0.5, rng)
    return _paste(canvas, tile, picture.image, picture, affine, rng)


def _place_anywhere(
    canvas: Image, tile: Rectangle, picture: Picture, rng: np.random.Generator
) -> Part:
    height, width = picture.image.shape[:2]
    box = np.array([0, 0, width, height], np.float32)
    scale = _least_side(tile) / max(height, width) * float(np.exp(rng.uniform(-0.2, 0.9)))
    affine = _aim(tile, box, scale, _turn(rng, 7.0), rng.random() < 0.5, rng)
    return _paste(canvas, tile, picture.image, picture, affine, rng)


def _letterbox(canvas: Image, pool: Pool, rng: np.random.Generator) -> Part:
    """A picture as the service feeds it: in the upper left corner, the rest grey."""
    size = canvas.shape[0]
    canvas[:] = GREY
    scene = rng.random() < 0.5
    picture = _pick(pool.scenes, rng) if scene else _draw_face(pool, rng)
    image = picture.image if scene else _dressed(picture, rng)
    fit = size / max(image.shape[:2])
    scale = fit if scene else fit * float(rng.uniform(0.3, 1.0))
    flip = rng.random() < 0.5
    width = image.shape[1]
    row = [-scale, 0, (width - 0.5) * scale - 0.5] if flip else [scale, 0, scale / 2 - 0.5]
    affine = np.array([row, [0, scale, scale / 2 - 0.5]], np.float32)
    return _paste(canvas, (0, 0, size, size), image, picture, affine, rng)


def _face(canvas: Image, tile: Rectangle, pool: Pool, rng: np.random.Generator) -> Part:
    """One face at a random size, on a random ground."""
    picture = _draw_face(pool, rng)
    _fill(canvas, tile, rng, pool)
    box = picture.boxes[0]
    side = _least_side(tile)
    target = np.exp(rng.uniform(np.log(0.12 * side), np.log(0.95 * side)))
    scale = float(max(target, 14.0) / _side(box))
    affine = _aim(tile, box, scale, _turn(rng, 13.0), rng.random() < 0.5, rng)
    return _paste(canvas, tile, _dressed(picture, rng), picture, affine, rng)


def _draw_face(pool: Pool, rng: np.random.Generator) -> Picture:
    source = pool.faces[int(rng.choice(len(pool.faces), p=pool.shares))]
    return _pick(source, rng)


def _pick(pictures: Sequence[Picture], rng: np.random.Generator) -> Picture:
    return pictures[int(rng.integers(len(pictures)))]


def _dressed(picture: Picture, rng: np.random.Generator) -> Image:
    """The picture; a bare face wears a drawn mask in 60 % of the draws."""
    if picture.landmarks is None:
        return picture.image
    if rng.random() < _BARE:
        return picture.decode()
    return wear_mask(picture.decode(), picture.landmarks, rng).image


def _turn(rng: np.random.Generator, spread: float) -> float:
    """Roll in degrees: mostly small, at times up to 40."""
    wide = rng.random() < 0.1
    return float(rng.uniform(-40, 40) if wide else rng.normal(0, spread))


def _aim(
    tile: Rectangle, box: Floats, scale: float, turn: float, flip: bool, rng: np.random.Generator
) -> Affine:
    """Moves the box to a random place in the tile, nearly always in full."""
    low, high = np.array(tile[:2]), np.array(tile[2:])
    half = (box[2:] - box[:2]) * scale / 2
    spare = np.maximum((high - low) / 2 - half * 0.8, 0.1 * half)
    place = (low + high) / 2 + rng.uniform(-1, 1, 2) * spare
    cos, sin = scale * np.cos(np.deg2rad(turn)), scale * np.sin(np.deg2rad(turn))
    linear = np.array([[cos, -sin], [sin, cos]]) @ np.diag([-1.0 if flip else 1.0, 1.0])
    centre = (box[:2] + box[2:]) / 2
    return np.hstack([linear, (place - linear @ centre)[:, None]]).astype(np.float32)


def _paste(
    canvas: Image,
    tile: Rectangle,
    image: Image,
    picture: Picture,
    affine: Affine,
    rng: np.random.Generator,
) -> Part:
    _warp_into(canvas, tile, image, affine, smooth=rng.random() < 0.85)
    unknown = len(picture.others)
    points = transform(picture.points.reshape(-1, 2), affine).reshape(-1, 5, 2)
    points = np.pad(points, ((0, unknown), (0, 0), (0, 0)))
    trust = np.pad(picture.trust, ((0, unknown), (0, 0)))
    if np.linalg.det(affine[:, :2]) < 0:
        order = [1, 0, 2, 4, 3]
        points, trust = points[:, order], trust[:, order]
    boxes = _turned(np.concatenate([picture.boxes, picture.others]), affine)
    labelled = np.arange(len(boxes)) < len(picture.boxes)
    clipped = np.concatenate(
        [np.maximum(boxes[:, :2], tile[:2]), np.minimum(boxes[:, 2:], tile[2:])], axis=1
    ).astype(np.float32)
    seen = np.clip(clipped[:, 2:] - clipped[:, :2], 0, None).prod(axis=1)
    whole = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    touches = seen > 0
    counts = labelled & (seen > _SEEN * whole) & (np.sqrt(seen) >= _LEAST_SIDE_PX)
    inside = ((points >= tile[:2]) & (points <= tile[2:])).all(axis=2)
    return clipped[touches], points[touches], (trust * inside)[touches], counts[touches]


def _turned(boxes: Floats, affine: Affine) -> Floats:
    """Boxes around the transformed ellipses that fill the given boxes."""
    centres = transform(((boxes[:, :2] + boxes[:, 2:]) / 2).astype(np.float32), affine)
    half = (boxes[:, 2:] - boxes[:, :2]) / 2
    grown = np.sqrt(half**2 @ (affine[:, :2].T ** 2))
    return np.concatenate([centres - grown, centres + grown], axis=1).astype(np.float32)


def _warp_into(canvas: Image, tile: Rectangle, image: Image, affine: Affine, smooth: bool) -> None:
    """Draws the image into the tile; where there is none, the tile's ground stays."""
    if smooth:
        image, affine = shrunk(image, affine)
    x0, y0, x1, y1 = tile
    part = np.ascontiguousarray(canvas[y0:y1, x0:x1])
    shifted = affine - np.array([[0, 0, x0], [0, 0, y0]], np.float32)
    size = (x1 - x0, y1 - y0)
    flags = cv2.INTER_LINEAR
    cv2.warpAffine(image, shifted, size, part, flags, borderMode=cv2.BORDER_TRANSPARENT)
    canvas[y0:y1, x0:x1] = part


def _fill(
    canvas: Image, tile: Rectangle, rng: np.random.Generator, pool: Pool | None = None
) -> None:
    """Ground of a tile: a colour, smooth random blotches, or a part of a scene without faces."""
    x0, y0, x1, y1 = tile
    height, width = y1 - y0, x1 - x0
    kind = rng.random()
    ground = _faceless(pool, rng) if pool is not None and kind < 0.5 else None
    if ground is not None:
        canvas[y0:y1, x0:x1] = cv2.resize(ground, (width, height), interpolation=cv2.INTER_LINEAR)
    elif kind < 0.75:
        canvas[y0:y1, x0:x1] = GREY if rng.random() < 0.4 else rng.integers(0, 256, 3)
    else:
        coarse = rng.integers(0, 256, (int(rng.integers(2, 24)), int(rng.integers(2, 24)), 3))
        texture = cv2.resize(coarse.astype(np.uint8), (width, height))
        canvas[y0:y1, x0:x1] = texture


def _faceless(pool: Pool, rng: np.random.Generator) -> Image | None:
    """A random rectangle of a scene that touches no labelled face; None if none was found."""
    picture = _pick(pool.scenes, rng)
    height, width = picture.image.shape[:2]
    boxes = np.concatenate([picture.boxes, picture.others])
    for _ in range(6):
        w, h = (int(side * rng.uniform(0.25, 0.7)) for side in (width, height))
        x, y = int(rng.integers(width - w)), int(rng.integers(height - h))
        low = np.maximum(boxes[:, :2], (x, y))
        high = np.minimum(boxes[:, 2:], (x + w, y + h))
        if not (low < high).all(axis=1).any():
            part: Image = picture.image[y : y + h, x : x + w]
            return part
    return None


def _tiles(whole: Rectangle, rng: np.random.Generator, depth: int) -> list[Rectangle]:
    """Splits a rectangle recursively into smaller ones."""
    x0, y0, x1, y1 = whole
    if depth == 0 or min(x1 - x0, y1 - y0) < 90:
        return [whole]
    share = rng.uniform(0.4, 0.6)
    if x1 - x0 >= y1 - y0:
        cut = int(x0 + share * (x1 - x0))
        halves = [(x0, y0, cut, y1), (cut, y0, x1, y1)]
    else:
        cut = int(y0 + share * (y1 - y0))
        halves = [(x0, y0, x1, cut), (x0, cut, x1, y1)]
    return [tile for half in halves for tile in _tiles(half, rng, depth - 1)]


def _least_side(tile: Rectangle) -> int:
    return min(tile[2] - tile[0], tile[3] - tile[1])


def _side(box: Landmarks) -> float:
    return float(np.sqrt(max((box[2] - box[0]) * (box[3] - box[1]), 1.0)))
