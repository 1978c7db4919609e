from collections import Counter

import numpy as np
import pytest

from models.training.drawing.face import loosen, measure
from models.training.drawing.kinds import KINDS, pick_kind, pick_shape
from models.training.drawing.outline import draw_outline


def points(size: int = 96, turn: float = 0.0) -> np.ndarray:
    """A jaw, a nose, eyes and a mouth; `turn` moves the middle towards the right cheek."""
    angle = np.linspace(np.pi, 0, 17)
    marks = np.full((68, 2), 0.5)
    marks[:17] = np.stack([0.5 + 0.3 * np.cos(angle), 0.38 + 0.42 * np.sin(angle)], axis=1)
    marks[27:31] = [(0.5 + turn, 0.35 + 0.05 * i) for i in range(4)]
    marks[31:36] = [(0.44 + turn + 0.03 * i, 0.54) for i in range(5)]
    marks[36:42], marks[42:48] = (0.35 + turn, 0.35), (0.65 + turn, 0.35)
    ring = np.linspace(-np.pi, np.pi, 20, endpoint=False)
    marks[48:68] = np.stack([0.5 + turn + 0.1 * np.cos(ring), 0.64 + 0.04 * np.sin(ring)], axis=1)
    return (marks * size).astype(np.float32)


def test_an_outline_has_the_pictures_shape_and_covers_the_mouth():
    mask = draw_outline(points(), (96, 120), np.random.default_rng(0))

    assert mask.shape == (96, 120)
    assert mask.dtype == bool
    x, y = np.round(points()[48:60]).astype(int).T
    assert mask[y, x].all()


def test_outlines_differ_from_draw_to_draw():
    rng = np.random.default_rng(0)
    one, other = (draw_outline(points(), (96, 96), rng) for _ in range(2))

    assert (one != other).mean() > 0.01


def test_local_points_lead_back_to_pixels():
    face = measure(points())

    np.testing.assert_allclose(face.to_px(face.points), points(), atol=1e-3)


@pytest.mark.parametrize(("turn", "sign"), [(0.1, 1), (0.0, 0), (-0.1, -1)])
def test_yaw_names_the_far_side(turn, sign):
    yaw = measure(points(turn=turn)).yaw

    assert np.sign(np.round(yaw, 2)) == sign


def test_strength_0_leaves_the_points_alone():
    face = measure(points())
    same = loosen(face, np.random.default_rng(0), 0.0)

    np.testing.assert_allclose(same.points, face.points)


def test_strength_1_moves_height_and_width_apart():
    face = measure(points())
    spans = np.array(
        [np.ptp(loosen(face, np.random.default_rng(s), 1.0).points, axis=0) for s in range(60)]
    )
    ratio = spans / np.ptp(face.points, axis=0)

    assert (ratio.std(axis=0) > 0.05).all()
    assert abs(np.corrcoef(ratio.T)[0, 1]) < 0.5


@pytest.mark.parametrize("name", KINDS)
def test_shares_of_shapes_are_met(name):
    rng = np.random.default_rng(0)
    kind = pick_kind(name, rng)
    drawn = Counter(pick_shape(kind, rng) for _ in range(2000))

    expected = Counter()
    for shape, weight in kind.shapes:
        expected[shape] += 2000 * weight / sum(weight for _, weight in kind.shapes)
    assert drawn == pytest.approx(expected, abs=100)


def test_no_kind_given_takes_every_kind_in_turn():
    rng = np.random.default_rng(0)

    assert {pick_kind(None, rng) for _ in range(200)} == {pick_kind(name, rng) for name in KINDS}
