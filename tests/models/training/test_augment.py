import numpy as np
import pytest

from models.training.augment import degrade

RED = (220, 60, 30)


@pytest.mark.parametrize("seed", range(16))  # many of them compress the picture
def test_a_picture_keeps_its_colour_however_it_is_degraded(seed):
    picture = np.full((64, 64, 3), RED, np.uint8)

    degraded = degrade(picture, np.random.default_rng(seed))

    assert (degraded.dtype, degraded.shape) == (np.uint8, picture.shape)
    np.testing.assert_allclose(degraded.mean(axis=(0, 1)), RED, atol=6)
