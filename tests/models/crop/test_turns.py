import numpy as np
import pytest

from models.crop.detect import Face
from models.crop.turns import (
    both_ways,
    is_upside_down,
    may_be_upside_down,
    turned,
    turned_back,
    worth,
)


def face(box, score=0.7, points=None):
    points = np.zeros((5, 2)) if points is None else points
    return Face(np.array(box, np.float32), score, np.array(points, np.float32))


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_a_face_of_a_turned_picture_goes_back_to_its_px(quarters):
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[5:15, 20:40] = 1  # the box
    picture[7, 33] = 2  # a point
    there = turned(picture, quarters)[..., 0]
    (top, *_, bottom), (left, *_, right) = (np.unique(axis) for axis in np.nonzero(there))
    point = np.argwhere(there == 2)[0][::-1]

    back = turned_back(
        face((left, top, right, bottom), 0.6, np.tile(point, (5, 1))), quarters, picture.shape
    )

    assert back.box.tolist() == [20, 5, 39, 14]
    assert back.points.tolist() == [[33, 7]] * 5
    assert back.score == 0.6


@pytest.mark.parametrize(
    ("box", "score", "doubtful"),
    [((0, 0, 77, 100), 0.75, False), ((0, 0, 90, 100), 0.75, True), ((0, 0, 77, 100), 0.6, True)],
)
def test_a_wide_or_unsure_find_gets_a_second_look(box, score, doubtful):
    assert may_be_upside_down(face(box, score)) is doubtful


def test_a_second_look_shows_the_face_both_ways():
    thumb = np.full((300, 300, 3), 50, np.uint8)
    thumb[100:140, 150:230] = 200  # the upper half of a face of 80 x 80 px

    shown = both_ways(thumb, face((150, 100, 230, 180)))[..., 0]

    upright, on_its_head = np.split(shown, 2, axis=1)
    assert shown.shape == (96, 192)
    assert upright[25:46, 30:66].min() == 200 > 50 == upright[50:, 30:66].max()
    np.testing.assert_array_equal(on_its_head, upright[::-1, ::-1])


def test_beyond_the_photo_a_second_look_shows_no_mirror_image():
    thumb = np.full((50, 50, 3), 255, np.uint8)

    assert (both_ways(thumb, face((0, 0, 50, 50)))[0] == 114).all()


@pytest.mark.parametrize(
    ("found", "said"), [([], False), ([(20, 20, 76, 76)], False), ([(116, 20, 172, 76)], True)]
)
def test_the_best_find_of_a_second_look_tells(found, said):
    assert is_upside_down([face(box) for box in found]) is said


def test_one_sure_face_is_worth_more_than_two_doubtful_ones():
    sure, doubtful = face((0, 0, 1, 1), 0.7), face((0, 0, 1, 1), 0.5)

    assert worth([sure, doubtful]) > worth([sure]) > worth([doubtful, doubtful]) > worth([])
