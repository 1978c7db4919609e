import cv2
import numpy as np
import pytest

from tests.conftest import mean_face

SIDE = 256


@pytest.fixture
def landmarks():
    return mean_face()


@pytest.fixture
def hole():
    """A mask from the bridge of the nose to below the chin, with a strap to the left edge."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    cv2.fillPoly(mask, [np.array([(60, 112), (128, 100), (196, 112), (180, 230), (76, 230)])], 1)
    mask[116:124, :64] = 1
    return mask.astype(bool)


@pytest.fixture
def texture():
    """Makes pictures without structure at their landmarks: soft noise around skin colour.

    Their contrast is that of a photo, so `models.light.levels` leaves them unchanged.
    """

    def make(seed, sigma=4.0):
        noise = np.random.default_rng(seed).normal(0, 1, (SIDE, SIDE, 3))
        noise += noise.mean(axis=2, keepdims=True)  # mostly light, less colour
        soft = cv2.GaussianBlur(noise, (0, 0), sigma)
        return np.clip((170, 130, 110) + 38 * soft / soft.std(), 0, 255).astype(np.uint8)

    return make
