import numpy as np
import pytest

from models.training.evaluation.landmarks import (
    bare_errors,
    draw_errors,
    hidden_errors,
    view_of,
)

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


def test_of_a_bare_face_all_points_count(truth):
    guess = truth.copy()
    guess[:17] += (0, 0.4 * EYES_PX)

    errors = bare_errors(guess, truth)

    assert errors["jaw"] == pytest.approx(0.4)
    assert errors["lips"] == 0
    assert errors["lips and jaw"] == pytest.approx(0.4 * 17 / 37)
    assert errors["all"] == pytest.approx(0.4 * 17 / 68)


@pytest.mark.parametrize(
    ("nose_x", "view"), [(100, "frontal"), (112, "frontal"), (113, "half"), (130, "profile")]
)
def test_the_view_follows_the_nose_between_the_ears(truth, nose_x, view):
    truth[:8, 0], truth[9:17, 0] = 50, 150
    truth[27:36, 0] = nose_x

    assert view_of(truth) == view


def test_without_points_the_view_is_unknown():
    assert view_of(None) == "unknown"


def test_true_points_are_drawn_green_and_guessed_ones_red(truth):
    drawn = draw_errors(np.zeros((SIDE, SIDE, 3), np.uint8), truth + 10, truth)

    x, y = truth[0].astype(int)
    assert tuple(drawn[y, x]) == (0, 255, 0)
    assert tuple(drawn[y + 10, x + 10]) == (255, 0, 0)
