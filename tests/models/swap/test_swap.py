import numpy as np
import pytest

from models.swap.swap import MOUTH, swap_face, warp_reference

WAYS = [(warp, blend) for warp in ("mesh", "2d") for blend in ("feather", "poisson")]


@pytest.fixture
def reference_landmarks(landmarks):
    return landmarks + np.random.default_rng(0).normal(0, 2, (68, 2)).astype(np.float32)


def correlation(one, other, where):
    return np.corrcoef(one[where].mean(axis=1), other[where].mean(axis=1))[0, 1]


@pytest.mark.parametrize(("warp", "blend"), WAYS)
def test_pixels_beyond_the_mask_stay(texture, landmarks, hole, reference_landmarks, warp, blend):
    painted = texture(0)

    swapped = swap_face(painted, landmarks, hole, texture(1), reference_landmarks, warp, blend)

    np.testing.assert_array_equal(swapped[~hole], painted[~hole])


@pytest.mark.parametrize(("warp", "blend"), WAYS)
def test_the_hole_shows_the_reference_rather_than_the_painting(
    texture, landmarks, hole, reference_landmarks, warp, blend
):
    painted, reference = texture(0), texture(1)

    swapped = swap_face(painted, landmarks, hole, reference, reference_landmarks, warp, blend)

    warped = warp_reference(reference, reference_landmarks, landmarks, hole, warp)
    assert correlation(swapped, warped, hole) > correlation(swapped, painted, hole)


def test_the_same_face_comes_back(texture, landmarks, hole):
    swapped = swap_face(texture(0), landmarks, hole, texture(0), landmarks)

    assert np.abs(swapped.astype(int) - texture(0)).mean() < 2


def test_an_empty_mask_changes_nothing(texture, landmarks):
    nothing = np.zeros((256, 256), bool)

    swapped = swap_face(texture(0), landmarks, nothing, texture(1), landmarks)

    np.testing.assert_array_equal(swapped, texture(0))


def test_the_reference_keeps_the_shape_of_its_mouth(texture, landmarks, hole):
    grin = landmarks.copy()
    grin[MOUTH, 1] = 170 + 3 * (landmarks[MOUTH, 1] - 170)
    shut = texture(1)

    warped = warp_reference(shut, landmarks, grin, hole)

    lips = (slice(160, 181), slice(100, 157))
    assert np.abs(warped[lips].astype(int) - shut[lips]).mean() < 12
