import cv2
import numpy as np
import pytest

from models.swap.blend import feather, poisson, swap_weight


def test_the_reference_counts_fully_inside_of_hole_and_face(hole, landmarks):
    assert swap_weight(hole, landmarks)[170, 128] == 1


def test_the_reference_counts_nothing_beyond_the_hole(hole, landmarks):
    assert swap_weight(hole, landmarks)[~hole].max() == 0


def test_a_strap_beyond_the_face_stays_painted(hole, landmarks):
    assert swap_weight(hole, landmarks)[:, :45].max() == 0


def test_the_share_rises_gently(hole, landmarks):
    weight = swap_weight(hole, landmarks)

    assert np.abs(np.diff(weight, axis=0)).max() < 0.3
    assert np.abs(np.diff(weight, axis=1)).max() < 0.3


def test_equal_pictures_blend_to_themselves(texture, hole, landmarks):
    weight = swap_weight(hole, landmarks)

    np.testing.assert_array_equal(feather(texture(0), texture(0), weight), texture(0))


@pytest.mark.parametrize("join", [feather, poisson])
def test_pixels_without_a_share_stay_painted(texture, hole, landmarks, join):
    weight = swap_weight(hole, landmarks)

    joined = join(texture(1), texture(0), weight)

    np.testing.assert_array_equal(joined[weight == 0], texture(0)[weight == 0])


def test_poisson_takes_the_painted_colours_and_the_references_gradients(texture, hole, landmarks):
    weight = swap_weight(hole, landmarks)
    painted, brighter = texture(0, sigma=40), np.clip(texture(1) + 40.0, 0, 255).astype(np.uint8)

    joined = poisson(brighter, painted, weight)

    core = weight == 1
    assert abs(float(joined[core].mean()) - float(painted[core].mean())) < 20
    slopes = [cv2.Sobel(x, cv2.CV_32F, 1, 0)[core].ravel() for x in (joined, brighter)]
    assert np.corrcoef(slopes)[0, 1] > 0.9


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_poisson_works_without_and_without_end(texture, share):
    weight = np.full((256, 256), share, np.float32)

    assert poisson(texture(1), texture(0), weight).shape == (256, 256, 3)
