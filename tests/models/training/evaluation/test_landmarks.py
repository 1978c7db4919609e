import numpy as np
import pytest

from models.training.evaluation.landmarks import hidden_errors

SIDE, EYES_PX = 200, 40


@pytest.fixture
def truth():
    """Jaw in the upper row, lips in the lower one, eyes 40 px apart."""
    points = np.full((68, 2), 100, np.float32)
    points[:17] = [(50 + index, 20) for index in range(17)]
    points[36:42], points[42:48] = (80, 60), (120, 60)
    points[48:] = [(50 + index, 150) for index in range(20)]
    return points


def lower_half():
    mask = np.zeros((SIDE, SIDE), bool)
    mask[120:] = True
    return mask


def test_errors_are_shares_of_the_distance_between_the_eyes(truth):
    guess = truth + np.array([0, 0.1 * EYES_PX], np.float32)

    assert hidden_errors(guess, truth, lower_half())["lips"] == pytest.approx(0.1)


def test_seen_points_do_not_count(truth):
    guess = truth.copy()
    guess[:17] += 50

    errors = hidden_errors(guess, truth, lower_half())

    assert "jaw" not in errors
    assert errors["all"] == 0


def test_points_outside_of_the_picture_do_not_count(truth):
    guess = truth.copy()
    truth[48] = (-5, 150)

    assert hidden_errors(guess, truth, lower_half())["lips"] == 0
