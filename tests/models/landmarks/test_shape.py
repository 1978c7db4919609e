import numpy as np
import pytest

from models.landmarks.shape import (
    align,
    draw_candidates,
    express,
    freedom,
    measures,
)

FREE = np.ones(68)


def turned(points, degrees, scale, shift):
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return scale * points @ turn.T + shift


def mouths(model, points):
    return measures(align(points, model.mean)[0]) @ model.gauges.T


def test_aligned_faces_differ_neither_in_size_nor_turn_nor_place(model):
    laid, _ = align(turned(model.mean, 20, 1.3, (9, -4)), model.mean)

    np.testing.assert_allclose(laid, model.mean, atol=1e-9)


def test_a_smile_widens_the_mouth_to_its_level(model):
    smiling = express(model, model.mean, FREE, "smile")

    np.testing.assert_allclose(mouths(model, smiling), model.levels[1], atol=1e-6)
    np.testing.assert_allclose(smiling[48] - model.mean[48], (-5, 0), atol=1e-6)


def test_a_neutral_mouth_is_narrow_and_closed(model):
    calm = express(model, model.mean, FREE, "neutral")

    np.testing.assert_allclose(mouths(model, calm), model.levels[0], atol=1e-6)


def test_a_turned_and_larger_face_moves_along_itself(model):
    face = turned(model.mean, 30, 1.5, (20, 0))

    smiling = express(model, face, FREE, "smile")

    expected = turned(express(model, model.mean, FREE, "smile"), 30, 1.5, (20, 0))
    np.testing.assert_allclose(smiling, expected, atol=1e-6)


def test_a_mouth_that_smiles_more_is_left_so(model):
    beaming = model.mean.copy()
    beaming[48, 0] -= 10
    beaming[54, 0] += 10
    beaming[[65, 66, 67], 1] += 20

    np.testing.assert_allclose(express(model, beaming, FREE, "smile"), beaming)


def test_as_guessed_means_untouched(model):
    assert express(model, model.mean, FREE, "auto") is model.mean


def test_lips_never_cross(model):
    shut = model.mean.copy()
    shut[[65, 66, 67], 1] = shut[[63, 62, 61], 1] + 1
    shut[60:68:4, 0] = model.mean[60:68:4, 0]
    wide = model.levels.copy()
    wide[0, 1] = -30

    calm = express(type(model)(**{**vars(model), "levels": wide}), shut, FREE, "neutral")

    assert (calm[[67, 66, 65], 1] >= calm[[61, 62, 63], 1]).all()


def test_seen_points_are_fixed_and_freedom_grows_into_the_hole():
    hole = np.zeros((256, 256), bool)
    hole[100:200] = True
    points = np.array([(50, 90), (50, 100), (50, 106), (50, 150)], np.float32)

    seen, edge, near, deep = freedom(points, hole)

    assert seen == 0
    assert 0 < edge < near < deep == 1


def test_a_point_beyond_the_picture_counts_as_its_edge():
    hole = np.zeros((256, 256), bool)
    hole[200:] = True

    assert freedom(np.array([(128, 300), (128, -40)], np.float32), hole).tolist() == [1, 0]


@pytest.mark.parametrize("expression", ["neutral", "smile"])
def test_seen_points_stay_whatever_is_wished(model, expression):
    free = FREE.copy()
    free[:54] = 0

    for face in draw_candidates(model, model.mean, free, expression, 4):
        np.testing.assert_array_equal(face[:54], model.mean[:54])


def test_the_first_candidate_is_the_guess(model):
    np.testing.assert_array_equal(
        draw_candidates(model, model.mean, FREE, "auto", 3)[0], model.mean
    )


def test_candidates_are_the_same_each_time(model):
    first, again = (draw_candidates(model, model.mean, FREE, "auto", 4) for _ in range(2))

    np.testing.assert_array_equal(first, again)


def test_each_candidates_lips_are_apart_from_all_others(model):
    drawn = draw_candidates(model, model.mean, FREE, "auto", 4)

    for rank in range(1, 4):
        apart = np.linalg.norm(drawn[rank, 48:] - drawn[:rank, 48:], axis=-1).mean(axis=-1)
        assert apart.min() >= 5


def test_candidates_lie_as_far_out_as_the_guess_errs(model):
    drawn = draw_candidates(model, model.mean, FREE, "auto", 4)

    heights = (drawn[1:, 57, 1] - model.mean[57, 1]) / 6  # in standard deviations
    assert 0.8 < abs(heights).max() < 3


def test_all_candidates_show_the_wished_expression(model):
    drawn = draw_candidates(model, model.mean, FREE, "smile", 4)

    assert (mouths(model, drawn) >= model.levels[1] - 1e-6).all()


def test_where_nothing_is_hidden_all_candidates_are_the_face(model):
    drawn = draw_candidates(model, model.mean, 0 * FREE, "auto", 3)

    np.testing.assert_array_equal(drawn, np.stack([model.mean] * 3))
