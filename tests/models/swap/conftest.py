import cv2
import numpy as np
import pytest

SIDE = 256


def ellipse_points(centre, radii, degrees):
    angle = np.radians(degrees)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1) * radii + centre


@pytest.fixture
def landmarks():
    """68 points of a plain face in the canonical frame."""
    groups = [
        ellipse_points((128, 110), (74, 108), np.linspace(180, 0, 17)),  # jaw
        np.linspace((64, 66), (108, 66), 5),  # brows
        np.linspace((148, 66), (192, 66), 5),
        np.linspace((128, 86), (128, 128), 4),  # nose
        np.linspace((112, 138), (144, 138), 5),
        ellipse_points((88, 86), (13, 6), np.arange(180, 540, 60)),  # eyes
        ellipse_points((168, 86), (13, 6), np.arange(180, 540, 60)),
        ellipse_points((128, 170), (33, 12), np.arange(180, 540, 30)),  # lips
        ellipse_points((128, 170), (26, 4), np.arange(180, 540, 45)),
    ]
    return np.vstack(groups).astype(np.float32)


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

    Their contrast is that of a photo, so `models.levels` leaves them unchanged.
    """

    def make(seed, sigma=4.0):
        noise = np.random.default_rng(seed).normal(0, 1, (SIDE, SIDE, 3))
        noise += noise.mean(axis=2, keepdims=True)  # mostly light, less colour
        soft = cv2.GaussianBlur(noise, (0, 0), sigma)
        return np.clip((170, 130, 110) + 38 * soft / soft.std(), 0, 255).astype(np.uint8)

    return make
