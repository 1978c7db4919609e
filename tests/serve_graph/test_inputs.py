import numpy as np
import pytest

from models.crop.detect import THUMB_PX
from models.pixels import pack_mask
from serve_graph.inputs import check_picture, check_thumb, unpack_hole


@pytest.mark.parametrize(
    "picture",
    [np.zeros((256, 256), np.uint8), np.zeros((255, 256, 3), np.uint8), np.zeros((256, 256, 3))],
)
def test_a_picture_that_fits_no_batch_is_refused(picture):
    with pytest.raises(ValueError, match="Expected uint8"):
        check_picture(picture)


@pytest.mark.parametrize("shape", [(384, 512, 3), (1, 1, 3)])
def test_a_thumb_may_have_any_shape_up_to_its_limit(shape):
    check_thumb(np.zeros(shape, np.uint8))


@pytest.mark.parametrize(
    "thumb",
    [
        np.zeros((384, 512, 3)),
        np.zeros((384, 512), np.uint8),
        np.zeros((384, 512, 4), np.uint8),
        np.zeros((0, 5, 3), np.uint8),
        np.zeros((480, THUMB_PX + 1, 3), np.uint8),
    ],
)
def test_a_thumb_that_the_detector_cannot_process_is_refused(thumb):
    with pytest.raises(ValueError, match="Expected uint8"):
        check_thumb(thumb)


def test_a_hole_survives_packing():
    hole = np.random.default_rng(0).random((256, 256)) < 0.5

    np.testing.assert_array_equal(unpack_hole(pack_mask(hole)), hole)


def test_a_hole_of_another_size_is_refused():
    with pytest.raises(ValueError, match="8192 bytes"):
        unpack_hole(b"\0")
