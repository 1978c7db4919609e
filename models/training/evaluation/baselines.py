"""Baselines that cost nothing: the marks that any net has to beat."""

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from models.pixels import Image, Mask

_RIM_PX = 5  # side of the square that dilates the mask: its soft edge isn't skin
_RADIUS_PX = 5


def copied(masked: Image, mask: Mask) -> Image:  # noqa: ARG001 (all baselines have one signature)
    """The masked picture as it is."""
    return masked


def telea(masked: Image, mask: Mask) -> Image:
    """Fast marching (Telea, 2004, doi:10.1080/10867651.2004.10487596)."""
    return _inpaint(masked, mask, cv2.INPAINT_TELEA)


def navier_stokes(masked: Image, mask: Mask) -> Image:
    """Isophotes continued into the hole (Bertalmio et al., 2001, doi:10.1109/CVPR.2001.990497)."""
    return _inpaint(masked, mask, cv2.INPAINT_NS)


@dataclass(frozen=True)
class PictureSum:
    """The sum of some pictures of one size."""

    total: npt.NDArray[np.float64]  # (H, W, 3), exact: sums of whole numbers
    count: int

    def mean_without(self, picture: Image) -> Image | None:
        """The mean of all others: including the picture itself would make its guess too good.

        Args:
            picture: one of those summed, uint8 (H, W, 3).

        Returns:
            uint8 (H, W, 3); None if there is no other.
        """
        if self.count < 2:
            return None
        return np.asarray(((self.total - picture) / (self.count - 1)).round(), np.uint8)


def sum_pictures(pictures: Iterable[Image]) -> PictureSum | None:
    """The sum of pictures of one size; None if one differs in size, or if there are none.

    Holds one picture at a time.
    """
    total, count = np.zeros(0), 0
    for picture in pictures:
        if not count:
            total = np.zeros(picture.shape)
        elif picture.shape != total.shape:
            return None
        total += picture
        count += 1
    return PictureSum(total, count) if count else None


def mean_face(masked: Image, mask: Mask, mean: Image) -> Image:
    """The hole filled with the mean picture."""
    return np.where(mask[..., None], mean, masked)


def _inpaint(masked: Image, mask: Mask, method: int) -> Image:
    grown = cv2.dilate(mask.astype(np.uint8), np.ones((_RIM_PX, _RIM_PX), np.uint8))
    return np.asarray(cv2.inpaint(masked, grown, _RADIUS_PX, method), np.uint8)
