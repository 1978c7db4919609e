"""The order of the 68 points, that of iBUG 300-W (Sagonas et al. 2013)."""

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

Real = TypeVar("Real", bound=np.floating[Any])

JAW, NOSE_TIP, MOUTH = slice(0, 17), 30, slice(48, 68)
INNER = slice(27, 68)  # nose, eyes, mouth
# The points of a mirrored face in their order.
MIRRORED = np.concatenate(
    [
        range(16, -1, -1),  # jaw
        range(26, 16, -1),  # brows
        [27, 28, 29, 30, 35, 34, 33, 32, 31],  # nose
        [45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40],  # eyes
        [54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65],  # lips
    ]
)


def eye_centres(points: npt.NDArray[Real]) -> tuple[npt.NDArray[Real], npt.NDArray[Real]]:
    """The centres of both eyes, left in the picture first.

    Args:
        points: (..., 68, 2).

    Returns:
        (..., 2) each.
    """
    return points[..., 36:42, :].mean(axis=-2), points[..., 42:48, :].mean(axis=-2)
