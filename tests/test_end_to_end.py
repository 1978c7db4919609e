"""The shipped weights on the NASA portrait: a drawn mask is removed, and the rest stays."""

import asyncio
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from models.outcome import photo_mask
from models.photo.decode import Photo
from models.pipeline import Options, find_masks, unmask
from models.stages import LocalStages, load_models
from tests.portrait import bare_portrait, masked_portrait

WEIGHTS = Path(__file__).parents[1] / "weights"


@pytest.fixture(scope="module")
def stages():
    return LocalStages(load_models(WEIGHTS))


def photo(pixels):
    return Photo(pixels, None, "png")


def look(pixels, stages):
    options = Options(faces="largest")
    return asyncio.run(find_masks(photo(pixels), stages, options)).faces


@pytest.fixture(scope="module")
def result(stages):
    masked = photo(masked_portrait().image)
    return asyncio.run(unmask(masked, stages, Options()))


def test_the_drawn_mask_is_found(stages):
    worn = masked_portrait()

    found = look(worn.image, stages)

    mask = photo_mask(found, worn.mask.shape)
    overlap = (mask & worn.mask).sum() / (mask | worn.mask).sum()
    assert found[0].finding.probability > 0.5
    assert overlap > 0.85


def test_the_hidden_part_is_painted_anew(result):
    worn = masked_portrait()

    change = np.abs(result.pixels.astype(int) - worn.image).max(axis=2)

    assert (change[worn.mask] > 8).mean() > 0.9


def test_the_rest_of_the_photo_stays_as_it_was(result):
    worn = masked_portrait()
    near = cv2.dilate(worn.mask.astype(np.uint8), np.ones((25, 25))).astype(bool)

    np.testing.assert_array_equal(result.pixels[~near], worn.image[~near])


def test_the_result_is_nearer_to_the_bare_face_than_the_mask_was(result):
    worn, bare = masked_portrait(), bare_portrait().astype(int)

    before = np.abs(worn.image.astype(int) - bare)[worn.mask].mean()
    after = np.abs(result.pixels.astype(int) - bare)[worn.mask].mean()

    assert after < 0.6 * before


def test_the_mask_detector_sees_no_mask_in_the_result(result, stages):
    assert look(result.pixels, stages)[0].finding.probability < 0.5


def test_the_whole_bare_portrait_comes_back_untouched(stages):
    bare = photo(astronaut())  # includes the patch on her suit

    untouched = asyncio.run(unmask(bare, stages, Options()))

    assert not untouched.changed
    np.testing.assert_array_equal(untouched.pixels, bare.pixels)
