import tracemalloc

import numpy as np
import pytest

from models.training.evaluation.baselines import (
    copied,
    mean_face,
    navier_stokes,
    sum_pictures,
    telea,
)

GREY, RED = (90, 90, 90), (200, 0, 0)


@pytest.fixture
def mask():
    covered = np.zeros((48, 48), bool)
    covered[20:40, 10:38] = True
    return covered


@pytest.fixture
def masked(mask):
    return np.where(mask[..., None], RED, GREY).astype(np.uint8)


@pytest.mark.parametrize("fill", [telea, navier_stokes])
def test_a_hole_in_a_flat_picture_is_filled_flat(fill, masked, mask):
    np.testing.assert_allclose(fill(masked, mask), np.full_like(masked, 90), atol=4)


@pytest.mark.parametrize("fill", [telea, navier_stokes])
def test_far_from_the_hole_nothing_changes(fill, masked, mask):
    masked[:10] = np.random.default_rng(0).integers(0, 256, (10, 48, 3), np.uint8)

    np.testing.assert_array_equal(fill(masked, mask)[:10], masked[:10])


def test_copied_is_the_masked_picture(masked, mask):
    np.testing.assert_array_equal(copied(masked, mask), masked)


def test_pictures_of_several_sizes_have_no_mean_and_are_read_up_to_the_first_other():
    pictures = iter([np.zeros((4, 4, 3), np.uint8), np.zeros((4, 5, 3), np.uint8), "unread"])

    assert sum_pictures(pictures) is None
    assert next(pictures) == "unread"


def test_no_pictures_have_no_mean():
    assert sum_pictures([]) is None


def test_the_mean_leaves_out_the_picture_that_it_guesses():
    pictures = [np.full((4, 4, 3), value, np.uint8) for value in (10, 20, 90)]
    summed = sum_pictures(pictures)

    assert [int(summed.mean_without(own)[0, 0, 0]) for own in pictures] == [55, 50, 15]


def test_a_lone_picture_has_no_mean_of_others(masked):
    assert sum_pictures([masked]).mean_without(masked) is None


def test_the_mean_holds_one_picture_at_a_time():
    pictures = [np.full((64, 64, 3), value, np.uint8) for value in range(100)]
    expected = np.mean([picture.astype(np.float32) for picture in pictures[1:]], axis=0).round()
    tracemalloc.start()

    mean = sum_pictures(picture.copy() for picture in pictures).mean_without(pictures[0])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    np.testing.assert_array_equal(mean, expected)
    assert peak < 40 * pictures[0].nbytes


def test_the_mean_face_fills_the_hole_only(masked, mask):
    filled = mean_face(masked, mask, np.full_like(masked, 50))

    assert (filled[mask] == 50).all()
    assert (filled[~mask] == 90).all()
