"""Guesses the hidden points as the caller wishes: an expression, several candidates."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from models.choices import Expression
from models.landmarks.net import LandmarkNet
from models.landmarks.predict import landmarks_of_shown
from models.landmarks.shape import ShapeModel, draw_candidates, freedom
from models.pixels import Image, Landmarks, Mask


@dataclass(frozen=True)
class Wish:
    """What a caller may request for a hidden face."""

    expression: Expression = "auto"  # "auto": as guessed
    candidates: int = 1  # plausible faces, most likely first; at most MAX_CANDIDATES


AS_GUESSED = Wish()


def guess_landmarks(
    net: LandmarkNet, shown: Sequence[Image], holes: Sequence[Mask], wishes: Sequence[Wish]
) -> list[list[Landmarks]]:
    """The 68 points of each face, the hidden ones as wished.

    Args:
        net: the landmark net.
        shown: canonical crops in corrected levels, uint8 (256, 256, 3) RGB; see
            `models.light.levels`.
        holes: bool (256, 256), True = hidden; points outside it stay as found.
        wishes: one per face.

    Returns:
        For each face as many guesses as it wishes for, float32 (68, 2) px of the crop, most likely
        first.
    """
    guesses = landmarks_of_shown(net, shown, holes)
    return [
        [points] if wish == AS_GUESSED else _as_wished(net, points, hole, wish)
        for points, hole, wish in zip(guesses, holes, wishes, strict=True)
    ]


def _as_wished(net: LandmarkNet, points: Landmarks, hole: Mask, wish: Wish) -> list[Landmarks]:
    free = freedom(points, hole)
    drawn = draw_candidates(
        shape_of(net), points.astype(np.float64), free, wish.expression, wish.candidates
    )
    return list(drawn.astype(np.float32))


def shape_of(net: LandmarkNet) -> ShapeModel:
    """The model of faces in the net's buffers."""
    buffers = (
        net.mean_face,
        net.shape_gauges,
        net.shape_moves,
        net.shape_levels,
        net.shape_spread,
    )
    return ShapeModel(*(buffer.cpu().double().numpy() for buffer in buffers))


def put_shape(net: LandmarkNet, shape: ShapeModel) -> None:
    """Writes a model of faces into the net's buffers; the mean face stays the net's own."""
    for buffer, values in (
        (net.shape_gauges, shape.gauges),
        (net.shape_moves, shape.moves),
        (net.shape_levels, shape.levels),
        (net.shape_spread, shape.spread),
    ):
        buffer.copy_(torch.from_numpy(values))
