import numpy as np
import pytest

from models.crop.edge import extend_beyond_photo, inside_photo, lies_inside, photo_corners
from models.crop.frame import FRAME_PX, transform


def test_the_frame_shows_the_photo_up_to_its_last_pixels():
    affine = np.array([[1, 0, 56], [0, 1, -100]], np.float32)

    inside = inside_photo(photo_corners(affine, (300, 150)))

    expected = np.zeros((FRAME_PX, FRAME_PX), bool)
    expected[:200, 56:206] = True
    np.testing.assert_array_equal(inside, expected)


@pytest.mark.parametrize("degrees", [-120, -30, 0, 45, 90])
def test_points_of_a_photo_lie_inside_of_it_however_it_is_turned(degrees):
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    affine = np.array([[cos, -sin, 100], [sin, cos, 70]], np.float32) * np.float32(0.4)
    inner = np.array([(0, 0), (79, 0), (79, 49), (0, 49), (40, 25)], np.float32)
    outer = np.array([(-2, 20), (81, 20), (40, -2), (40, 52)], np.float32)
    corners = photo_corners(affine, (50, 80))

    assert lies_inside(transform(inner, affine), corners).all()
    assert not lies_inside(transform(outer, affine), corners).any()


SHIFT = np.array([[1, 0, 0], [0, 1, 56]], np.float32)  # the frame's first 56 rows are off the photo


def block(rows, columns=slice(80, 180)):
    hole = np.zeros((FRAME_PX, FRAME_PX), bool)
    hole[rows, columns] = True
    return hole


def test_a_hole_that_reaches_the_photos_edge_goes_on_beyond_it():
    hole = block(slice(120, 200))

    extended = extend_beyond_photo([hole], [SHIFT], (144, 256))[0]  # the photo ends at row 200

    expected = hole.copy()
    expected[200:] = True
    np.testing.assert_array_equal(extended, expected)


def test_a_hole_goes_on_only_beyond_the_edges_that_it_reaches():
    inset = np.array([[1, 0, 28], [0, 1, 28]], np.float32)  # the frame shows all four edges

    extended = extend_beyond_photo([block(slice(150, 228))], [inset], (200, 200))[0]

    assert extended[228:].all()
    assert not extended[:28, 28:228].any()
    assert not extended[28:228, :28].any()


@pytest.mark.parametrize(
    "hole",
    [block(slice(120, 198)), block(slice(120, 200), slice(80, 90)), block(slice(210, 240))],
    ids=["ends before", "strap", "in the mirror"],
)
def test_a_hole_that_does_not_reach_the_photos_edge_stays(hole):
    extended = extend_beyond_photo([hole], [SHIFT], (144, 256))[0]

    np.testing.assert_array_equal(extended, hole)


def test_a_hole_that_leaves_the_frame_but_not_the_photo_stays():
    hole = block(slice(120, 256))

    assert extend_beyond_photo([hole], [np.eye(2, 3, dtype=np.float32)], (300, 300))[0] is hole
