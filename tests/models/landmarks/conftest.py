import numpy as np
import pytest

from models.landmarks.net import MEASURES, SPREAD
from models.landmarks.shape import GAP, SMILE, ShapeModel
from tests.conftest import mean_face

WIDTH, GAPS = 1, 3  # feature columns


@pytest.fixture
def model():
    """Smile: each corner moves out by one px per unit. Gap: the lower lip falls one px per unit.

    A guess errs in the mouth's height (six px), in its width and in the chin (three px each).
    """
    mean = mean_face().astype(np.float64)
    gauges = np.zeros((2, MEASURES))
    gauges[SMILE, [0, WIDTH]] = [
        -33,
        40,
    ]  # eyes are 80 px apart: the mean face's mouth, 66 px, gives 0
    gauges[GAP, [0, GAPS]] = [-8, 80]  # its lips are 8 px apart
    moves = np.zeros((2, 68, 2))
    moves[SMILE, 48, 0], moves[SMILE, 54, 0] = -1, 1
    moves[GAP, [65, 66, 67], 1] = 1
    levels = np.array([[-2, -4], [5, 3]], np.float64)
    spread = np.zeros((SPREAD, 68, 2))
    spread[0, 48:, 1] = 6
    spread[1, [48, 60], 0], spread[1, [54, 64], 0] = -3, 3
    spread[2, 6:11, 1] = 3
    return ShapeModel(mean, gauges, moves, levels, spread)
