"""Outlines of masks and the course of their straps, in a face's local coordinates.

Each shape has an upper and a lower edge, both from left to right; the sides of the mask join their
ends. Sheet coordinates for fabric are measured between these edges.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from models.training.drawing.face import Face, Points

_SAMPLES = 15  # points on one edge


@dataclass(frozen=True)
class Strap:
    path: Points  # local
    width: float  # local


@dataclass(frozen=True)
class Shape:
    top: Points  # upper edge, left to right
    bottom: Points  # lower edge, left to right
    outline: Points  # closed polygon
    straps: tuple[Strap, ...]


Edges = tuple[Points, Points]


def pleated_edges(face: Face, rng: np.random.Generator, nose: float) -> Edges:
    """A folded rectangle: surgical masks and flat cloth ones, with tall sides."""
    # A mask that sits low also has low corners.
    upper, lower = rng.uniform(0.9, 1.9) + 0.35 * nose, rng.uniform(3.8, 5.7)
    reach = rng.uniform(0.86, 1.02)
    return _edges(
        face,
        rng,
        nose,
        corners=(upper, lower),
        reach=(reach, reach * rng.uniform(1.0, 1.16)),
        chin=rng.uniform(0.98, 1.14),
        peak=rng.uniform(0.9, 1.7),
        round_=rng.uniform(1.7, 4.0),
    )


def contour_edges(face: Face, rng: np.random.Generator, nose: float) -> Edges:
    """Two sewn halves that run out to the ears: sponge and fashion masks."""
    upper = rng.uniform(0.9, 2.2)
    return _edges(
        face,
        rng,
        nose,
        corners=(upper, upper + rng.uniform(0.7, 2.2)),
        reach=(rng.uniform(0.95, 1.06), rng.uniform(0.97, 1.06)),
        chin=rng.uniform(1.0, 1.16),
        peak=rng.uniform(0.8, 1.5),
        round_=rng.uniform(1.5, 3.2),
    )


def boat_edges(face: Face, rng: np.random.Generator, nose: float) -> Edges:
    """Three panels folded flat, a beak off the face: KF94 and KN95."""
    upper = rng.uniform(1.6, 3.0)
    reach = rng.uniform(0.86, 1.02)
    return _edges(
        face,
        rng,
        nose,
        corners=(upper, upper + rng.uniform(0.6, 1.8)),
        reach=(reach, reach),
        chin=rng.uniform(1.0, 1.16),
        peak=rng.uniform(0.8, 1.4),
        round_=rng.uniform(1.3, 2.4),
    )


def cup_edges(face: Face, rng: np.random.Generator, nose: float) -> Edges:
    """A stiff egg that stands off the face: N95 and dust masks."""
    peak, chin = face.ridge(nose), face.jaw(8, rng.uniform(0.95, 1.12))
    waist = rng.uniform(0.5, 0.72)
    level = peak + waist * (chin - peak)
    reach = rng.uniform(0.78, 1.12)
    half_left = reach * (face.jaw(4.2)[0] - level[0])
    half_right = reach * (face.jaw(11.8)[0] - level[0])
    angle = np.linspace(0, np.pi, 2 * _SAMPLES)
    shoulder = rng.uniform(0.9, 1.6)  # above 1: narrower at the nose
    x = -np.cos(angle)
    half = np.where(x < 0, -half_left, half_right)
    up, down = np.sin(angle) ** shoulder, np.sin(angle) ** rng.uniform(0.7, 1.0)
    top = np.stack([level[0] + half * x, level[1] + up * (peak[1] - level[1])], axis=1)
    bottom = np.stack([level[0] + half * x, level[1] + down * (chin[1] - level[1])], axis=1)
    top[:, 0] += up * (peak[0] - level[0])
    bottom[:, 0] += down * (chin[0] - level[0])
    return top, bottom


def scarf_edges(face: Face, rng: np.random.Generator, nose: float) -> Edges:
    """Cloth around the whole lower head: bandanas, gaiters, scarves."""
    top, _ = _edges(
        face,
        rng,
        nose,
        corners=(rng.uniform(0.4, 1.8), 4),
        reach=(rng.uniform(1.0, 1.12), 1),
        chin=1,
        peak=rng.uniform(0.9, 1.6),
        round_=2,
    )
    foot = face.jaw(8, rng.uniform(1.35, 2.2))
    if rng.random() < 0.5:
        return top, _tip(top, foot, face.jaw(5)[1])
    return top, _collar(face, top, foot, rng.uniform(1.0, 1.1), rng.uniform(0.45, 0.75))


def _tip(top: Points, foot: Points, corner_y: float) -> Points:
    """A bandana's triangle."""
    side = np.linspace(-1, 1, _SAMPLES)
    half = np.where(side < 0, foot[0] - top[0, 0], top[-1, 0] - foot[0])
    y = foot[1] + (corner_y - foot[1]) * np.abs(side) ** 1.1
    return np.stack([foot[0] + half * side, y], axis=1)


def _collar(face: Face, top: Points, foot: Points, reach: float, neck: float) -> Points:
    """A tube that follows the jaw and runs down the neck; `neck` is its share of the width."""
    jaw = [face.jaw(index, reach) for index in (2.5, 4, 5.2)]
    far = [face.jaw(16 - index, reach) for index in (5.2, 4, 2.5)]
    side = np.linspace(-1, 1, 7)[:, None]
    half = np.where(side < 0, foot[0] - top[0, 0], top[-1, 0] - foot[0]) * neck
    hem = foot + np.concatenate([half * side, 0.12 * (np.sqrt(1 - 0.9 * side**2) - 1)], axis=1)
    return np.concatenate([jaw, hem, far])


EDGES: dict[str, Callable[[Face, np.random.Generator, float], Edges]] = {
    "pleated": pleated_edges,
    "contour": contour_edges,
    "boat": boat_edges,
    "cup": cup_edges,
    "scarf": scarf_edges,
}


def _edges(
    face: Face,
    rng: np.random.Generator,
    nose: float,
    *,
    corners: tuple[float, float],
    reach: tuple[float, float],
    chin: float,
    peak: float,
    round_: float,
) -> Edges:
    """Edges that rise to the nose and fall to the chin between corners on the jaw line."""
    slip = rng.normal(0, 0.15, 2)
    top = _arch(
        face.jaw(corners[0] + slip[0], reach[0]),
        face.ridge(nose),
        face.jaw(16 - corners[0] + slip[1], reach[0]),
        peak,
    )
    bottom = _arch(
        face.jaw(corners[1] + slip[0], reach[1]),
        face.jaw(8, chin),
        face.jaw(16 - corners[1] + slip[1], reach[1]),
        round_,
    )
    return top, bottom


def _arch(left: Points, middle: Points, right: Points, power: float) -> Points:
    side = np.linspace(-1, 1, _SAMPLES)
    span = np.where(side[:, None] < 0, left - middle, right - middle)
    away = np.abs(side)
    # A small round tip even where the power makes a kink.
    rise = (np.sqrt(away**2 + 0.01) - 0.1) / 0.905
    return np.asarray(middle + span * np.stack([away, rise**power], axis=1))


def close_outline(face: Face, edges: Edges, rng: np.random.Generator, wobble: float) -> Points:
    """Joins the edges into a polygon along the mask's sides, with a free-hand wobble."""
    top, bottom = edges
    left = _side(face, top[0], bottom[0], -1.0)
    right = _side(face, top[-1], bottom[-1], 1.0)
    outline = np.concatenate([top, right, bottom[::-1], left[::-1]])
    turn = np.linspace(0, 2 * np.pi, len(outline), endpoint=False)
    for wave in range(1, 6):
        amplitude, phase = wobble * rng.normal(0, 1, 2) / wave, rng.uniform(0, 2 * np.pi, 2)
        outline = outline + amplitude * np.sin(wave * turn[:, None] + phase)
    return outline


def _side(face: Face, upper: Points, lower: Points, sign: float) -> Points:
    along = np.linspace(0, 1, 8)[1:-1, None]
    side = upper + along * (lower - upper)
    # On a turned head, nose and lips stand out beyond the far cheek; cloth goes around them.
    profile = face.points[[28, 30, 33, 51, 57, 8]] + np.array([sign * 0.05, 0])
    profile[:, 1] = np.maximum.accumulate(profile[:, 1] + np.arange(6) * 1e-6)
    bound = np.interp(side[:, 1], profile[:, 1], profile[:, 0] * sign, left=-9, right=-9)
    side[:, 0] = sign * np.maximum(side[:, 0] * sign, bound)
    return side


def ear_loops(face: Face, edges: Edges, rng: np.random.Generator) -> tuple[Strap, ...]:
    """Thin loops from the corners of the mask to the visible ears."""
    width = rng.uniform(0.006, 0.018) if rng.random() < 0.85 else rng.uniform(0.018, 0.045)
    # The loop disappears behind the ear, slightly beyond the first and the last point.
    out, lift = rng.uniform(-0.02, 0.06), rng.uniform(-0.2, 0.06)
    straps: list[Strap] = []
    for sign, end in ((-1.0, 0), (1.0, -1)):
        if sign * face.yaw > 0.35:
            continue  # the far ear is hidden
        near = 1 + 2.0 * max(0.0, -sign * face.yaw)
        ear = face.points[0 if sign < 0 else 16] + np.array([sign * out * near, 0])
        for corner, drop in ((edges[0][end], -lift), (edges[1][end], rng.uniform(0.1, 0.35))):
            target = ear + np.array([rng.normal(0, 0.015), drop])
            straps.append(Strap(_bend(corner, target, rng), width))
    return tuple(straps)


def head_bands(face: Face, edges: Edges, rng: np.random.Generator) -> tuple[Strap, ...]:
    """Two elastic bands around the head, over and under the ears, as on respirators."""
    width = rng.uniform(0.008, 0.028)
    rise, fall = rng.uniform(0.0, 0.2), rng.uniform(0.1, 0.5)
    straps: list[Strap] = []
    for sign, end in ((-1.0, 0), (1.0, -1)):
        corner = edges[0][end]
        edge = face.points[0 if sign < 0 else 16]
        far = np.array([edge[0] + sign * rng.uniform(0.0, 0.06), edge[1]])
        straps.append(Strap(_bend(corner, far - np.array([0, rise]), rng), width))
        straps.append(Strap(_bend(corner, far + np.array([0, fall]), rng), width))
    return tuple(straps)


def _bend(start: Points, end: Points, rng: np.random.Generator) -> Points:
    along = np.linspace(0, 1, 7)[:, None]
    across = np.array([start[1] - end[1], end[0] - start[0]])
    return np.asarray(
        start + along * (end - start) + rng.normal(0, 0.06) * across * np.sin(np.pi * along)
    )
