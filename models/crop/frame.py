"""The canonical frame: an upright face, 256x256, its five points at fixed places.

Everything after the detector works in this frame; one similarity transform per face leads from
the photo into it and back. Integer coordinates are pixel centres.
"""

from typing import TypeVar, cast

import cv2
import numpy as np
import numpy.typing as npt

from models.landmarks.order import NOSE_TIP, eye_centres
from models.pixels import Affine, Floats, Image, Landmarks, Mask, Points

Picture = TypeVar("Picture", Image, Floats)

FRAME_PX = 256

# Eyes, nose tip, mouth corners, in px of a 256 px frame.
_CANONICAL = np.array([(88, 86), (168, 86), (128, 130), (95, 168), (161, 168)], np.float32)
_OVAL = (128, 110), (58, 72)  # the face, forehead to mouth: centre, half-axes
_CUT_PX = 12  # a strap that leaves the frame is narrower
_BELOW_PX = 4.0  # the photo must show this much more, or a longer frame shows nothing
_ALIASES, _TINY_PX = 1.5, 8  # a warp that shrinks by more aliases; sides too short to be shrunk
_SMALLER = 0.88  # scale of a lengthened frame: shows an eighth more, the face stays near its size


def five_points(landmarks: Landmarks) -> Points:
    """The five points of the frame from 68 landmarks in iBUG order.

    Args:
        landmarks: float32 (68, 2), (x, y) px.

    Returns:
        float32 (5, 2): centres of both eyes, nose tip, both mouth corners, same px.
    """
    eyes, mouth = eye_centres(landmarks), landmarks[[48, 54]]
    return np.stack([*eyes, landmarks[NOSE_TIP], *mouth]).astype(np.float32)


def face_oval(side: int = FRAME_PX) -> Mask:
    """The pixels of forehead, cheeks and mouth in a frame of `side` px, bool (side, side)."""
    centre, axes = ([length * side // FRAME_PX for length in pair] for pair in _OVAL)
    oval = np.zeros((side, side), np.uint8)
    cv2.ellipse(oval, centre, axes, 0, 0, 360, 1, -1)
    return np.asarray(oval > 0, np.bool_)


def fit_frame(points: Points) -> Affine:
    """The similarity transform that brings a face into the canonical frame.

    Args:
        points: float32 (5, 2), (x, y) px in the photo: eyes, nose tip, mouth corners.

    Returns:
        float32 (2, 3), photo px to frame px: rotation, one scale, shift; no shear.
    """
    return fit_similarity(points, _CANONICAL)


def is_cut_off(mask: Mask, to_frame: Affine, shape: tuple[int, int]) -> bool:
    """Whether the photo shows more of a mask below the frame.

    Args:
        mask: bool (256, 256), True = hidden.
        to_frame: photo px to frame px.
        shape: height and width of the photo, px.
    """
    columns = np.flatnonzero(mask[-1]).astype(np.float32)
    below = np.full_like(columns, mask.shape[0] - 1 + _BELOW_PX)
    x, y = transform(np.stack([columns, below], axis=1), invert(to_frame)).T
    # Beyond the photo the frame shows a mirror image, masks included.
    seen = (x >= 0) & (x < shape[1]) & (y >= 0) & (y < shape[0])
    return bool(seen.sum() >= _CUT_PX)


def show_more_below(to_frame: Affine) -> Affine:
    """A frame that shows more below: its top centre stays in place, everything becomes smaller.

    For mouths wide open and masks pulled down: the points say where a closed mouth's chin is.
    """
    return compose(_scale_about(_SMALLER, (FRAME_PX - 1) / 2, -0.5), to_frame)


def fit_similarity(source: Points, target: Points) -> Affine:
    """Rotation, one scale and shift from `source` to `target` by least squares, float32 (2, 3).

    Umeyama, 1991, doi:10.1109/34.88573: never mirrors.
    """
    # As complex numbers a similarity is one linear function: w = a z + b.
    z, w = (points.astype(np.float64) @ np.array([1, 1j]) for points in (source, target))
    centred = z - z.mean()
    a = np.vdot(centred, w) / max(np.vdot(centred, centred).real, 1e-12)
    b = w.mean() - a * z.mean()
    return np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]], np.float32)


def scale_affine(size: int) -> Affine:
    """The map from px of the 256 px frame to px of the same frame at another size."""
    # Pixel centres: the corner of the picture stays the corner.
    return _scale_about(size / FRAME_PX, -0.5, -0.5)


def _scale_about(factor: float, x: float, y: float) -> Affine:
    return np.array([[factor, 0, (1 - factor) * x], [0, factor, (1 - factor) * y]], np.float32)


def invert(affine: Affine) -> Affine:
    """The inverse map, float32 (2, 3)."""
    return cv2.invertAffineTransform(affine.astype(np.float64)).astype(np.float32)


def compose(second: Affine, first: Affine) -> Affine:
    """The map that does `first`, then `second`, float32 (2, 3)."""
    bottom = np.array([[0.0, 0.0, 1.0]])
    product = np.vstack([second, bottom]) @ np.vstack([first, bottom])
    return np.asarray(product[:2], np.float32)


def transform(points: Points, affine: Affine) -> Points:
    """Moves (..., 2) points through the map; float32."""
    return np.asarray(points @ affine[:, :2].T + affine[:, 2], np.float32)


def scale_of(affine: Affine) -> float:
    """How many px of the target one px of the source becomes."""
    return float(np.sqrt(abs(np.linalg.det(affine[:, :2]))))


def shrunk(picture: Picture, affine: Affine) -> tuple[Picture, Affine]:
    """A picture about to be warped, and the map: shrunk by averaging where the map would alias.

    A warp samples at most four px in each direction.

    Args:
        picture: uint8 or float32, (H, W, 3) or (H, W).
        affine: picture px to px of the result.

    Returns:
        Both as they are unless the map shrinks by more than 1.5; else the picture at about the
        result's scale, and the map from its px.
    """
    factor = 1.0 / scale_of(affine)
    height, width = picture.shape[:2]
    if factor <= _ALIASES or min(height, width) <= _TINY_PX:
        return picture, affine
    small = (max(1, round(width / factor)), max(1, round(height / factor)))
    sx, sy = width / small[0], height / small[1]
    up = np.array([[sx, 0, (sx - 1) / 2], [0, sy, (sy - 1) / 2]], np.float32)
    averaged = cv2.resize(picture, small, interpolation=cv2.INTER_AREA)
    return cast(Picture, averaged), compose(affine, up)


def crop_face(image: Image, to_frame: Affine, size: int = FRAME_PX) -> Image:
    """Crops the face, upright and centred.

    Args:
        image: uint8, RGB (H, W, 3) or of one channel (H, W).
        to_frame: image px to px of the crop, a similarity.
        size: side of the crop, px.

    Returns:
        uint8 (size, size, 3), or (size, size) for one channel; beyond the photo its pixels are
        mirrored or, if little of it is in the crop, those at its edge repeated.
    """
    source, shift = _source_rectangle(image, to_frame, size)
    to_crop = compose(to_frame, np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float32))
    source, to_crop = shrunk(source, to_crop)
    warped = cv2.warpAffine(
        np.ascontiguousarray(source),
        to_crop,
        (size, size),
        flags=cv2.INTER_CUBIC,  # linear would cost sharpness, once here and once on the way back
        borderMode=_border(source, size / scale_of(to_crop)),
    )
    return np.asarray(warped, np.uint8)


def mask_to_photo(mask: Mask, to_frame: Affine, shape: tuple[int, int]) -> Mask:
    """A mask of the frame as pixels of the photo.

    Args:
        mask: bool (256, 256), True = hidden.
        to_frame: photo px to frame px.
        shape: height and width of the photo, px.

    Returns:
        bool `shape`.
    """
    # Several px of the frame may fall on one of the photo: average them, or it aliases.
    blur = max(0.0, scale_of(to_frame) - 1) / 2
    soft = mask.astype(np.float32)
    if blur > 0:
        soft = np.asarray(cv2.GaussianBlur(soft, (0, 0), blur), np.float32)
    whole = np.zeros(shape, np.bool_)
    if (box := photo_rectangle(soft > 0, to_frame, shape)) is not None:
        left, top, right, bottom = box
        to_part = invert(to_frame) - np.array([[0, 0, left], [0, 0, top]], np.float32)
        part = cv2.warpAffine(soft, to_part, (right - left, bottom - top), flags=cv2.INTER_LINEAR)
        whole[top:bottom, left:right] = part > 0.5
    return whole


def photo_rectangle(
    where: Mask, to_frame: Affine, shape: tuple[int, int]
) -> tuple[int, int, int, int] | None:
    """The photo's pixels that a part of the frame can reach.

    Args:
        where: bool (256, 256), the part.
        to_frame: photo px to frame px.
        shape: height and width of the photo, px.

    Returns:
        Left, top, right and bottom, px; None if the part is empty or outside the photo.
    """
    if not where.any():
        return None
    x, y, width, height = cv2.boundingRect(where.astype(np.uint8))
    edges = [(x - 1, y - 1), (x + width, y - 1), (x + width, y + height), (x - 1, y + height)]
    corners = transform(np.array(edges, np.float32), invert(to_frame))
    limit = np.array(shape[::-1])
    low = np.clip(np.floor(corners.min(axis=0)), 0, limit).astype(int)
    high = np.clip(np.ceil(corners.max(axis=0)) + 1, 0, limit).astype(int)
    return (*low, *high) if (high > low).all() else None


def _border(source: Image, needed_px: float) -> int:
    """Mirrors the photo beyond its edge; if little of the photo is visible, repeats its edge.

    OpenCV mirrors repeatedly until it is inside: forever if the source is 1 px wide.
    """
    mirrors = min(source.shape[:2]) > max(16.0, needed_px / 8)
    return cv2.BORDER_REFLECT_101 if mirrors else cv2.BORDER_REPLICATE


def _source_rectangle(
    image: Image, to_frame: Affine, size: int
) -> tuple[Image, npt.NDArray[np.int64]]:
    """The part of the photo that the crop can see, and its upper left corner (x, y)."""
    margin = 4
    edge = np.array([(0, 0), (size, 0), (size, size), (0, size)], np.float32)
    corners = transform(edge, invert(to_frame))
    height, width = image.shape[:2]
    limit = np.array([width, height])
    low = np.floor(corners.min(axis=0)).astype(np.int64) - margin
    high = np.ceil(corners.max(axis=0)).astype(np.int64) + margin
    low = np.clip(low, 0, limit - 1)
    high = np.clip(high, low + 1, limit)
    return image[low[1] : high[1], low[0] : high[0]], low
