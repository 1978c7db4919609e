import numpy as np
import pytest

from models.crop.choice import choose
from models.crop.detect import Face
from models.errors import BadRequestError


def face(side):
    return Face(np.array([0, 0, side, side], np.float32), 0.9, np.zeros((5, 2), np.float32))


FACES = [face(10), face(30), face(20)]


def test_all_faces_are_one_group():
    assert choose(FACES, "all") == [[0, 1, 2]]


def test_the_next_largest_is_next_in_turn():
    assert choose(FACES, "largest") == [[1], [2], [0]]


def test_named_faces_come_in_the_callers_order():
    assert choose(FACES, (2, 0)) == [[2, 0]]


@pytest.mark.parametrize("number", [3, -1, 99])
def test_a_number_without_a_face_is_refused(number):
    with pytest.raises(BadRequestError, match=f"faces={number}: no such face; .* numbered 0 to 2"):
        choose(FACES, (0, number))
