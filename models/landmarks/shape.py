"""A small linear model of faces: how points move with an expression, and how a guess errs.

`models.training.landmarks.shape` fits it on the training faces, and the landmark net's file keeps
it. Points are compared after aligning eyes and upper nose with those of the mean face, so that
neither the size nor the rotation of the head counts.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from models.choices import Expression
from models.landmarks.order import MOUTH, NOSE_TIP, eye_centres
from models.pixels import Landmarks, Mask

Doubles = npt.NDArray[np.float64]
Turns = npt.NDArray[np.complex128]

RIGID = (*range(27, 29), *range(36, 48))  # eyes and upper nose: visible, unmoved by expressions
LEVELS = ("neutral", "smile")  # rows of `ShapeModel.levels`
SMILE, GAP = 0, 1  # what is measured of a mouth: columns of `ShapeModel.levels`
_DRAWS = 256  # from which the candidates are taken
_APART_PX = 5.0  # mean distance of two candidates' lips
_EDGE_PX = 12.0  # points this far inside the hole move freely, those on its edge not at all


@dataclass(frozen=True)
class ShapeModel:
    """Statistics of the training faces; px of the mean face."""

    mean: Doubles  # (68, 2)
    gauges: Doubles  # (2, MEASURES): smile and lip gap from the measures, z-scores
    moves: Doubles  # (2, 68, 2): how the points move if one of these grows by one
    levels: Doubles  # (2, 2): smile and gap of a neutral and of a smiling mouth
    spread: Doubles  # (K, 68, 2): errors of hidden points, each one standard deviation long


def align(points: Doubles, mean: Doubles) -> tuple[Doubles, Turns]:
    """Aligns eyes and upper nose with those of the mean face, by least squares.

    Args:
        points: (..., 68, 2) px.
        mean: (68, 2) px.

    Returns:
        The aligned points, and the rotation and scale applied, as complex factors (...).
    """
    z, w = points @ np.array([1, 1j]), mean @ np.array([1, 1j])
    rigid, target = z[..., RIGID], w[list(RIGID)]
    centre = rigid.mean(axis=-1, keepdims=True)
    length = np.maximum((np.abs(rigid - centre) ** 2).sum(axis=-1), 1e-9)
    factor = (np.conj(rigid - centre) * (target - target.mean())).sum(axis=-1) / length
    laid = factor[..., None] * (z - centre) + target.mean()
    return np.stack([laid.real, laid.imag], axis=-1), factor


def measures(points: Doubles) -> Doubles:
    """Measurements of aligned faces, in eye distances.

    Args:
        points: (..., 68, 2), see `align`.

    Returns:
        (..., MEASURES): a constant 1, the mouth's width, the lift of its corners above the lips'
        middle, the gap between the lips; and of the head's pose yaw, yaw squared and pitch.
    """
    left, right = eye_centres(points)
    eyes = np.maximum(np.linalg.norm(right - left, axis=-1), 1e-9)
    width = np.linalg.norm(points[..., 54, :] - points[..., 48, :], axis=-1)
    corners = points[..., (48, 54), 1].mean(axis=-1)
    lift = points[..., (51, 62), 1].mean(axis=-1) - corners
    gap = points[..., 66, 1] - points[..., 62, 1]
    nose = points[..., NOSE_TIP, :] - (left + right) / 2
    yaw, pitch = nose[..., 0] / eyes, nose[..., 1] / eyes
    one = np.ones_like(yaw)
    return np.stack([one, width / eyes, lift / eyes, gap / eyes, yaw, yaw**2, pitch], axis=-1)


def freedom(points: Landmarks, hole: Mask) -> Doubles:
    """How far each point may move: 0 where it is visible, 1 well inside the hole.

    In between it grows from the edge, so that a moved jaw stays attached to the visible part.

    Args:
        points: (68, 2) px of the frame.
        hole: bool (H, W), True = hidden.

    Returns:
        (68,), 0..1.
    """
    depth = cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 5)
    limit = np.array(hole.shape[::-1]) - 1
    x, y = np.clip(np.round(points), 0, limit).astype(int).T
    return np.asarray(np.clip(depth[y, x] / _EDGE_PX, 0, 1), np.float64)


def express(model: ShapeModel, points: Doubles, free: Doubles, expression: Expression) -> Doubles:
    """Moves free points until the mouth is as calm, or smiles as much, as the expression says.

    Args:
        model: of the landmark net that guessed the points.
        points: (..., 68, 2) px of the frame.
        free: (68,), see `freedom`.
        expression: "auto" changes nothing; a mouth that is already calmer or smiles more stays so.

    Returns:
        (..., 68, 2).
    """
    if expression == "auto":
        return points
    laid, factor = align(points, model.mean)
    missing = model.levels[LEVELS.index(expression)] - measures(laid) @ model.gauges.T
    wanted = np.minimum(missing, 0) if expression == "neutral" else np.maximum(missing, 0)
    shift = _turned_back(np.tensordot(wanted, model.moves, 1), factor)
    return _uncrossed(points + shift * free[:, None])


def draw_candidates(
    model: ShapeModel, points: Doubles, free: Doubles, expression: Expression, count: int
) -> Doubles:
    """Plausible places of the free points: the guess, then others drawn from its spread.

    From many draws, the same each time, the likeliest that differ enough to be seen are taken.

    Args:
        model: of the landmark net that guessed the points.
        points: the guess, (68, 2) px of the frame.
        free: (68,), see `freedom`.
        expression: what all of them show, see `express`.
        count: how many.

    Returns:
        (count, 68, 2), most likely first.
    """
    guess = express(model, points[None], free, expression)
    if count == 1:
        return guess
    amounts = np.random.default_rng(0).standard_normal((_DRAWS, len(model.spread)))
    amounts = amounts[np.argsort((amounts**2).sum(axis=1), kind="stable")]
    _, factor = align(points, model.mean)
    errors = _turned_back(np.tensordot(amounts, model.spread, 1), factor)
    drawn = express(model, _uncrossed(points + errors * free[:, None]), free, expression)
    return _distinct(guess, drawn, count)


def _distinct(first: Doubles, drawn: Doubles, count: int) -> Doubles:
    """`first`, then the earliest draws that differ enough from all taken so far."""
    taken = first
    while len(taken) < count:
        apart = np.linalg.norm(drawn[:, None, MOUTH] - taken[None, :, MOUTH], axis=-1)
        nearest = apart.mean(axis=-1).min(axis=1)
        # If hardly anything is hidden, no draw is far: take the farthest.
        far = np.flatnonzero(nearest >= _APART_PX)
        row = far[0] if len(far) else nearest.argmax()
        taken = np.concatenate([taken, drawn[row : row + 1]])
    return taken


def _uncrossed(points: Doubles) -> Doubles:
    """If the lower lip ended up above the upper one, both meet halfway."""
    upper, lower = points[..., (61, 62, 63), 1], points[..., (67, 66, 65), 1]
    halfway = (upper + lower) / 2
    points = points.copy()
    points[..., (61, 62, 63), 1] = np.minimum(upper, halfway)
    points[..., (67, 66, 65), 1] = np.maximum(lower, halfway)
    return points


def _turned_back(shift: Doubles, factor: Turns) -> Doubles:
    """Turns shifts of the mean face into shifts of the face that `align` laid over it."""
    back = (shift @ np.array([1, 1j])) / np.where(factor == 0, 1, factor)[..., None]
    return np.stack([back.real, back.imag], axis=-1)
