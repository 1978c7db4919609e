"""A face as the fixture `seeing` sees it, the mask it wears, and its points."""

import numpy as np

from models.crop.frame import fit_frame, five_points, transform
from tests.portrait import LANDMARKS

SKIN, CLOTH = (200, 150, 130), (220, 40, 40)


def face(masked=False):
    picture = np.full((256, 256, 3), SKIN, np.uint8)
    picture[80:92, 80:176] = 30
    picture[160:172, 100:150] = (150, 60, 60)
    if masked:
        picture[covered()] = CLOTH
    return picture


def faceless(picture):
    """Changes the picture so that `seeing` finds no face, however it is rotated."""
    picture[np.ix_((0, -1), (0, -1))] = 0
    return picture


def covered():
    mask = np.zeros((256, 256), bool)
    mask[120:210, 70:190] = True
    return mask


def points():
    """Landmarks in the canonical frame."""
    return transform(LANDMARKS, fit_frame(five_points(LANDMARKS)))
