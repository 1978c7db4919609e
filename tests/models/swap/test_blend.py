import cv2
import numpy as np
import pytest

from models.swap.blend import feather, poisson, swap_weight


@pytest.fixture
def weight_of(texture, hole, landmarks):
    """The weight of a reference that shows the same beyond the hole, or another picture."""

    def weigh(agrees, where=None):
        other = np.full((256, 256, 3), (20, 90, 40), np.uint8)
        return swap_weight(
            texture(0) if agrees else other, texture(0), hole if where is None else where, landmarks
        )

    return weigh


@pytest.fixture
def weight(weight_of):
    return weight_of(agrees=False)


STRAP = (slice(119, 121), slice(10, 40))


def test_the_reference_counts_fully_inside_of_hole_and_face(weight):
    assert weight[170, 128] == 1


@pytest.mark.parametrize("agrees", [True, False])
def test_the_reference_counts_nothing_beyond_the_hole(weight_of, hole, agrees):
    assert weight_of(agrees)[~hole].max() == 0


def test_beyond_the_face_a_reference_that_shows_something_else_stays_out(weight):
    assert weight[STRAP].max() < 0.01


def test_beyond_the_face_a_reference_that_agrees_counts(weight_of):
    assert weight_of(agrees=True)[STRAP].min() > 0.9


def test_what_the_photo_shows_far_away_says_nothing(texture, hole, landmarks):
    lit = texture(0)
    lit[:, :128] = (20, 90, 40)

    share = swap_weight(lit, texture(0), hole, landmarks)

    assert share[STRAP].max() < 0.01


def test_without_anything_visible_only_the_face_is_swapped(weight_of):
    everything = np.ones((256, 256), bool)

    share = weight_of(agrees=True, where=everything)

    assert share[170, 128] == 1
    assert share[250, 10] == 0


def test_the_share_rises_gently(weight):
    assert np.abs(np.diff(weight, axis=0)).max() < 0.6
    assert np.abs(np.diff(weight, axis=1)).max() < 0.6


def test_equal_pictures_blend_to_themselves(texture, weight):
    np.testing.assert_array_equal(feather(texture(0), texture(0), weight), texture(0))


@pytest.mark.parametrize("join", [feather, poisson])
def test_pixels_without_a_share_stay_painted(texture, weight, join):
    joined = join(texture(1), texture(0), weight)

    np.testing.assert_array_equal(joined[weight == 0], texture(0)[weight == 0])


def test_poisson_takes_the_painted_colours_and_the_references_gradients(texture, weight):
    painted, brighter = texture(0, sigma=40), np.clip(texture(1) + 40.0, 0, 255).astype(np.uint8)

    joined = poisson(brighter, painted, weight)

    core = weight == 1
    assert abs(float(joined[core].mean()) - float(painted[core].mean())) < 20
    slopes = [cv2.Sobel(x, cv2.CV_32F, 1, 0)[core].ravel() for x in (joined, brighter)]
    assert np.corrcoef(slopes)[0, 1] > 0.9


@pytest.mark.parametrize(("share", "shown"), [(0.0, 0), (1.0, 1)])
def test_poisson_shows_one_picture_alone_where_the_other_has_no_share(texture, share, shown):
    weight = np.full((256, 256), share, np.float32)

    joined = poisson(texture(1), texture(0), weight)

    slopes = [cv2.Sobel(x, cv2.CV_32F, 1, 0)[8:-8, 8:-8].ravel() for x in (joined, texture(shown))]
    assert np.corrcoef(slopes)[0, 1] > 0.9


@pytest.mark.parametrize(("height", "width"), [(1, 40), (40, 2)])
def test_a_strip_too_narrow_for_poisson_stays_painted(texture, height, width):
    weight = np.zeros((256, 256), np.float32)
    weight[100 : 100 + height, 90 : 90 + width] = 1

    np.testing.assert_array_equal(poisson(texture(1), texture(0), weight), texture(0))


def test_where_the_references_photo_ends_its_share_fades_to_nothing(texture, hole, landmarks):
    known = np.ones((256, 256), bool)
    known[190:] = False

    share = swap_weight(texture(0), texture(0), hole, landmarks, known)

    assert share[190:].max() == 0
    assert share[160:175, 128].min() == 1
    assert np.abs(np.diff(share[170:195, 128])).max() < 0.2


def test_what_lies_beyond_the_references_photo_says_nothing(texture, hole, landmarks):
    known, lit = np.zeros((256, 256), bool), texture(0)
    known[112:128] = True
    lit[~known] = (20, 90, 40)

    share = swap_weight(lit, texture(0), hole, landmarks, known)

    expected = swap_weight(texture(0), texture(0), hole, landmarks, known)
    np.testing.assert_allclose(share[STRAP], expected[STRAP], atol=0.02)
    assert share[STRAP].min() > 0.5
