import cv2
import numpy as np
import pytest

from models.crop.frame import fit_similarity, transform
from models.swap.warp import at_size, mesh_trust, warp_mesh, warp_similarity

MOUTH_CORNER, CHIN = 48, 8


def turned(degrees=9.0, scale=1.1, shift=(5, -7)):
    affine = cv2.getRotationMatrix2D((128, 128), degrees, scale)
    affine[:, 2] += shift
    return affine.astype(np.float32)


def dot_at(point):
    y, x = np.mgrid[:256, :256]
    blob = np.exp(-((x - point[0]) ** 2 + (y - point[1]) ** 2) / 18)
    return np.repeat((blob * 255).astype(np.uint8)[..., None], 3, axis=2)


def place_of(dot):
    weight = dot[..., 0].astype(float)
    y, x = np.mgrid[:256, :256]
    return np.array([(x * weight).sum(), (y * weight).sum()]) / weight.sum()


def test_equal_points_leave_the_picture(texture, landmarks):
    picture = texture(0)

    warped = warp_mesh(picture, landmarks, landmarks)

    np.testing.assert_allclose(warped.astype(int), picture, atol=1)


@pytest.mark.parametrize("index", [MOUTH_CORNER, CHIN, 30, 57])
def test_what_is_at_a_landmark_comes_to_its_target(landmarks, index):
    longer = np.array([[1, 0.05, -6], [0, 1.12, -14]], np.float32)
    target = transform(landmarks, longer)

    warped = warp_mesh(dot_at(landmarks[index]), landmarks, target)

    np.testing.assert_allclose(place_of(warped), target[index], atol=1)


def test_points_that_fall_together_are_no_error(texture, landmarks):
    shut = landmarks.copy()
    shut[60:68, 1] = 170
    shut[61] = shut[67]

    warped = warp_mesh(texture(0), landmarks, shut)

    np.testing.assert_allclose(warped[:60].astype(int), texture(0)[:60], atol=1)


def test_points_may_lie_beyond_the_picture(landmarks):
    low = np.array([0, 60], np.float32)

    warped = warp_mesh(dot_at(landmarks[30]), landmarks, landmarks + low)

    np.testing.assert_allclose(place_of(warped), landmarks[30] + low, atol=1)


def test_a_similarity_is_found_exactly(landmarks):
    np.testing.assert_allclose(
        fit_similarity(landmarks, transform(landmarks, turned())), turned(), atol=1e-3
    )


def test_a_similarity_brings_the_points_to_their_places(landmarks):
    warped = warp_similarity(dot_at(landmarks[MOUTH_CORNER]), turned())

    target = transform(landmarks, turned())[MOUTH_CORNER]
    np.testing.assert_allclose(place_of(warped), target, atol=0.5)


def test_a_similarity_of_a_larger_picture_is_the_same_in_the_frame(texture):
    large = at_size(texture(0), 512)

    warped = at_size(warp_similarity(large, turned()), 256)

    inside = (slice(30, -30), slice(30, -30))
    apart = np.abs(warped.astype(int) - warp_similarity(texture(0), turned()))
    assert apart[inside].mean() < 1


def test_the_right_size_is_left_as_it_is(texture):
    picture = texture(0)

    assert at_size(picture, 256) is picture


def test_shrinking_a_picture_averages_it():
    lines = np.zeros((1024, 1024, 3), np.uint8)
    lines[:, ::4] = 200

    assert (at_size(lines, 256) == 50).all()


@pytest.mark.parametrize("side", [128, 512])
def test_another_size_keeps_bounds_of_shares(side):
    share = (np.arange(256 * 256).reshape(256, 256) % 7 > 3).astype(np.float32)

    sized = at_size(share, side)

    assert sized.shape == (side, side)
    assert sized.min() >= 0
    assert sized.max() <= 1


@pytest.mark.parametrize(("width", "expected"), [(1.0, 1), (0.8, 1), (0.3, 0)])
def test_what_the_mesh_draws_out_is_not_trusted(landmarks, width, expected):
    narrow = (landmarks - (128, 0)) * np.array([width, 1]) + (128, 0)

    trust = mesh_trust(narrow.astype(np.float32), landmarks)

    assert trust[180:200, 110:146].mean() == pytest.approx(expected, abs=0.02)


def test_what_the_mesh_folds_over_is_not_trusted(landmarks):
    folded = landmarks * np.array([-1, 1], np.float32) + np.array([256, 0], np.float32)

    assert mesh_trust(folded, landmarks)[180:200, 110:146].max() < 0.02
