import numpy as np
import pytest

from models.swap.pose import are_opposite, is_turned_too_far, mirrored, turn
from models.swap.reference import Reference

NOSE = slice(27, 36)


def to_side(landmarks, share):
    """The face with its nose moved to the right by a share of the eye distance."""
    moved = landmarks.copy()
    moved[NOSE, 0] += share * 80
    return moved


@pytest.mark.parametrize("share", [-0.3, 0.0, 0.2])
def test_the_turn_is_the_noses_way_from_the_middle(landmarks, share):
    assert turn(to_side(landmarks, share)) == pytest.approx(share, abs=1e-3)


def test_a_tilted_head_is_no_turned_one(landmarks):
    tilt = np.array([(0.8, 0.6), (-0.6, 0.8)], np.float32)

    assert turn(to_side(landmarks, 0.2) @ tilt) == pytest.approx(0.2, abs=1e-3)


@pytest.mark.parametrize(
    ("one", "other", "opposite"),
    [(0.3, -0.3, True), (-0.1, 0.2, True), (0.3, 0.1, False), (0.3, -0.02, False), (0, 0, False)],
)
def test_heads_are_opposite_if_both_are_clearly_turned(landmarks, one, other, opposite):
    assert are_opposite(to_side(landmarks, one), to_side(landmarks, other)) == opposite


@pytest.mark.parametrize(
    ("head", "reference", "too_far"),
    [(0.4, 0, True), (-0.5, 0.05, True), (0.3, 0, False), (0.5, -0.2, False), (0, 0.5, False)],
)
def test_a_head_is_turned_too_far_for_a_reference_that_is_turned_much_less(
    landmarks, head, reference, too_far
):
    found = is_turned_too_far(to_side(landmarks, head), to_side(landmarks, reference))

    assert found == too_far


def test_mirrored_points_lie_on_the_mirrored_face_in_their_usual_order(landmarks):
    face = np.zeros((256, 256, 3), np.uint8)
    face[:, :20] = 255

    other = mirrored(Reference(face, to_side(landmarks, 0.2)))

    assert other.face[:, -20:].min() == 255
    assert other.face[:, :-20].max() == 0
    # The plain face is symmetric, so all points but the middle ones keep their places.
    np.testing.assert_allclose(other.landmarks, to_side(landmarks, -0.2) - (1, 0), atol=0.01)


def test_a_mirrored_photo_ends_on_the_other_side(landmarks):
    right_half = np.array([(127.5, -40.5), (300.5, -40.5), (127.5, 400.5)], np.float32)
    black = np.zeros((256, 256, 3), np.uint8)

    other = mirrored(Reference(black, landmarks, right_half))

    left_half = [(-45.5, -40.5), (127.5, -40.5), (-45.5, 400.5)]
    np.testing.assert_allclose(other.corners, left_half, atol=1e-3)


def test_what_is_mirrored_twice_is_as_it_was(landmarks, texture):
    corners = np.array([(3, -8), (240, 20), (-9, 250)], np.float32)

    again = mirrored(mirrored(Reference(texture(0), to_side(landmarks, 0.2), corners)))

    np.testing.assert_array_equal(again.face, texture(0))
    np.testing.assert_allclose(again.landmarks, to_side(landmarks, 0.2), atol=1e-3)
    np.testing.assert_allclose(again.corners, corners, atol=1e-3)
