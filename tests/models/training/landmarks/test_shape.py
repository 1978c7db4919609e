import numpy as np
import pytest

from models.landmarks.shape import GAP, SMILE, measures
from models.training.landmarks.shape import fit_gauges, fit_levels, fit_moves, fit_spread
from tests.conftest import mean_face

COUNT = 4000


@pytest.fixture(scope="module")
def people():
    """Aligned faces that smile, part their lips and turn their heads, each independently."""
    rng = np.random.default_rng(0)
    smile, gap, yaw = rng.normal(size=(3, COUNT))
    points = np.repeat(mean_face()[None].astype(np.float64), COUNT, axis=0)
    points[:, 48] += np.outer(smile, (-3, -3))
    points[:, 54] += np.outer(smile, (3, -3))
    points[:, 4:13, 0] *= 1 + 0.01 * smile[:, None]  # cheeks
    points[:, 65:68, 1] += 2 * gap[:, None]
    points[:, 27:, 0] += 4 * yaw[:, None] * (np.arange(27, 68) < 36)  # the nose
    points[:, 48:, 0] += 2 * yaw[:, None]
    points += rng.normal(0, 0.3, points.shape)
    return points, np.stack([smile, gap, yaw])


def test_the_smile_that_is_measured_is_the_one_that_was_made(people):
    points, causes = people

    measured = measures(points) @ fit_gauges(measures(points)).T

    found = np.corrcoef(np.concatenate([measured.T, causes]))[:2, 2:]
    assert found[SMILE, 0] > 0.95
    assert found[GAP, 1] > 0.95
    assert abs(found[:, 2]).max() < 0.1
    np.testing.assert_allclose(measured.std(axis=0), 1, atol=1e-6)


def test_a_smiles_move_is_expression_and_not_a_turn_of_the_head(people):
    points, _ = people
    measured = measures(points)

    smile, _ = fit_moves(points, measured @ fit_gauges(measured).T, measured)

    np.testing.assert_allclose(smile[[48, 54]], [(-3, -3), (3, -3)], atol=0.4)
    assert smile[4, 0] > 0.3
    assert abs(smile[28:31, 0]).max() < 0.3


def test_levels_are_calm_and_closed_or_smiling():
    mouths = np.random.default_rng(0).normal(size=(COUNT, 2))
    mouths[:, GAP] += mouths[:, SMILE]

    neutral, smile = fit_levels(mouths)

    np.testing.assert_allclose(neutral, np.percentile(mouths, 30, axis=0))
    assert smile[SMILE] == pytest.approx(1.4, abs=0.1)
    assert smile[GAP] == pytest.approx(1.4, abs=0.25)


def test_the_spread_is_what_hidden_points_do_together():
    rng = np.random.default_rng(0)
    errors = np.zeros((COUNT, 68, 2))
    errors[:, 48:, 1] = rng.normal(0, 4, COUNT)[:, None]
    errors[:, 6:11, 1] = rng.normal(0, 2, COUNT)[:, None]
    errors[:, 36:48] = rng.normal(0, 9, (COUNT, 12, 2))
    hidden = np.ones((COUNT, 68))
    hidden[:, 36:48] = 0  # the eyes are visible

    spread = fit_spread(errors, hidden, 2)

    np.testing.assert_allclose(abs(spread[0, 48:, 1]), 4, rtol=0.05)
    np.testing.assert_allclose(abs(spread[1, 6:11, 1]), 2, rtol=0.05)
    assert abs(spread[:, 36:48]).max() < 1e-6
