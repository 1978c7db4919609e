"""Brings the reference face into the geometry of the painted one."""

from typing import TypeVar, cast

import cv2
import numpy as np
import numpy.typing as npt

from models.crop.frame import FRAME_PX, compose, invert, scale_affine
from models.pixels import Affine, Floats, Image, Landmarks, Points

Picture = TypeVar("Picture", Image, Floats)

_SHIFT = 4  # cv2 draws with this many fractional bits of a px
# Px of the reference per px of the result, in the direction of the strongest stretch: up to the
# first it doesn't count, from the second on fully. A cheek turned from view would smear the face.
_TORN, _WHOLE = 0.4, 0.65
_FADE_PX = 4.0  # of the frame: how gradually one passes into the other


def warp_mesh(reference: Image, source: Landmarks, target: Landmarks) -> Image:
    """Moves each triangle of the face's mesh to where the target has it.

    Args:
        reference: RGB, uint8 (S, S, 3).
        source: float32 (68, 2), (x, y) px of `reference`.
        target: float32 (68, 2), where these points should go, px of the result.

    Returns:
        uint8 (S, S, 3). Outside the face, the picture's border is held in place.

    Piecewise-affine over the Delaunay mesh of the target's points.
    """
    side = reference.shape[0]
    to_points = np.vstack([target, _anchors(side)])
    from_points = np.vstack([source, _anchors(side)])
    triangles = _delaunay(to_points, side)
    maps = _triangle_maps(to_points[triangles], from_points[triangles])
    at = maps[_owners(to_points[triangles], side)]
    y, x = np.mgrid[:side, :side].astype(np.float32)
    source_x = at[..., 0] * x + at[..., 1] * y + at[..., 2]
    source_y = at[..., 3] * x + at[..., 4] * y + at[..., 5]
    warped = cv2.remap(
        reference, source_x, source_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
    )
    return np.asarray(warped, np.uint8)


def mesh_trust(source: Landmarks, target: Landmarks) -> Floats:
    """How far the mesh can be trusted at each px of the 256 px frame: less where it is stretched.

    Args:
        source: float32 (68, 2), (x, y) px of the frame.
        target: float32 (68, 2), where these points end up.

    Returns:
        float32 (256, 256), 0..1.
    """
    to_points = np.vstack([target, _anchors(FRAME_PX)])
    from_points = np.vstack([source, _anchors(FRAME_PX)])
    triangles = _delaunay(to_points, FRAME_PX)
    linear = _triangle_maps(to_points[triangles], from_points[triangles])[:, [0, 1, 3, 4]]
    linear = linear.reshape(-1, 2, 2)
    least = np.linalg.svd(linear, compute_uv=False)[:, 1]
    least[np.linalg.det(linear) <= 0] = 0  # folded over
    share = np.clip((least - _TORN) / (_WHOLE - _TORN), 0, 1).astype(np.float32)
    spread = share[_owners(to_points[triangles], FRAME_PX)]
    return np.asarray(cv2.GaussianBlur(spread, (0, 0), _FADE_PX), np.float32)


def warp_similarity(reference: Image, laid: Affine) -> Image:
    """Rotates, scales and shifts the reference.

    Args:
        reference: the 256 px frame at any size, uint8 (S, S, 3).
        laid: float32 (2, 3), from px of the 256 px frame to px of it afterwards.

    Returns:
        uint8 (S, S, 3).
    """
    grow = scale_affine(reference.shape[0])
    return np.asarray(
        cv2.warpAffine(
            reference,
            compose(compose(grow, laid), invert(grow)),
            reference.shape[1::-1],
            flags=cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REFLECT_101,
        ),
        np.uint8,
    )


def at_size(picture: Picture, side: int) -> Picture:
    """A square picture at another size; unchanged if it has that size."""
    size = picture.shape[0]
    if size == side:
        return picture
    # Cubic overshoots: shares must stay within their bounds.
    up = cv2.INTER_CUBIC if picture.dtype == np.uint8 else cv2.INTER_LINEAR
    how = cv2.INTER_AREA if side < size else up
    return cast(Picture, cv2.resize(picture, (side, side), interpolation=how))


def _anchors(side: int) -> Points:
    """Points around the picture that stay in place: they keep its border from folding."""
    low, middle, high = -side / 4, side / 2, side * 5 / 4
    line = (low, middle, high)
    grid = [(x, y) for y in line for x in line if (x, y) != (middle, middle)]
    return np.array(grid, np.float32)


def _delaunay(points: Points, side: int) -> npt.NDArray[np.intp]:
    """Indices (T, 3) of the triangles over `points`."""
    subdivision = cv2.Subdiv2D((-side, -side, 3 * side, 3 * side))
    subdivision.insert(np.clip(points, 1 - side, 2 * side - 2).tolist())
    corners = np.asarray(subdivision.getTriangleList(), np.float32).reshape(-1, 3, 2)
    distance = np.abs(corners[:, :, None] - points).sum(axis=-1)
    # The subdivision's own outer triangle isn't part of the mesh.
    return np.asarray(distance.argmin(axis=-1)[distance.min(axis=-1).max(axis=-1) < 0.01])


def _triangle_maps(target: Floats, source: Floats) -> Floats:
    """Coefficients (T + 1, 6) that map px of the target to px of the source.

    Slivers own next to no pixel and get, like the last row, the identity.
    """
    homogeneous = np.concatenate([target, np.ones_like(target[..., :1])], axis=-1).astype(float)
    solid = np.abs(np.linalg.det(homogeneous)) > 1.0
    maps = np.tile(np.array([1, 0, 0, 0, 1, 0], float), (len(target) + 1, 1))
    solved = np.linalg.solve(homogeneous[solid], source[solid].astype(float))
    maps[:-1][solid] = solved.transpose(0, 2, 1).reshape(-1, 6)
    return maps.astype(np.float32)


def _owners(triangles: Floats, side: int) -> npt.NDArray[np.int32]:
    """Index of the triangle that each px lies in, int32 (S, S); the number of triangles if none."""
    owners = np.full((side, side), len(triangles), np.int32)
    fixed = np.round(triangles * (1 << _SHIFT)).astype(np.int32)
    for index, triangle in enumerate(fixed):
        cv2.fillConvexPoly(owners, triangle, index, cv2.LINE_8, _SHIFT)
    return owners
