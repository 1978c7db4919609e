"""The marks of one picture and of one mask."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from models.pixels import Floats, Image, Mask

# SSIM: Wang et al., 2004, doi:10.1109/TIP.2003.819861.
_WINDOW_PX, _WINDOW_SIGMA_PX = 11, 1.5
_C1, _C2 = 0.01**2, 0.03**2
_DEEP_PX = 9  # sharpness and detail are measured where this square fits into the hole
_STRAP_PX = 9  # thinner parts of a mask are straps
_UNSURE_PX = 3  # a hand-drawn outline is no more exact than this
_LEAST_ERROR = 1e-10  # mean square; caps PSNR at 100 dB


@dataclass(frozen=True)
class PictureMarks:
    """How close a picture comes to the truth; higher is better, except for `l1`."""

    psnr: float  # dB, whole picture
    ssim: float  # whole picture
    hole_psnr: float  # dB, inside the true mask
    l1: float  # mean absolute difference, values 0..1
    sharpness: float  # gradient energy deep in the hole over the truth's; 1: equally sharp
    detail: float  # correlation of the gradients there; grain raises sharpness but lowers this


def compare(result: Image, truth: Image, mask: Mask) -> PictureMarks:
    """The marks of one picture.

    Args:
        result: uint8 (H, W, 3) RGB.
        truth: the photo without a mask, same size.
        mask: bool (H, W), the true mask, not empty.
    """
    ours, theirs = unit(result), unit(truth)
    deep = cv2.erode(mask.astype(np.uint8), np.ones((_DEEP_PX, _DEEP_PX), np.uint8)) > 0
    return PictureMarks(
        psnr=psnr(ours, theirs),
        ssim=ssim(ours, theirs),
        hole_psnr=psnr(ours[mask], theirs[mask]),
        l1=float(np.abs(ours - theirs).mean()),
        sharpness=_energy(_gradients(ours, deep)) / max(1e-6, _energy(_gradients(theirs, deep))),
        detail=_alignment(_gradients(ours, deep), _gradients(theirs, deep)),
    )


def unit(image: Image) -> Floats:
    """Values 0..255 to float32 0..1."""
    return np.asarray(image.astype(np.float32) / 255)


def psnr(ours: Floats, theirs: Floats) -> float:
    """Peak signal-to-noise ratio of values 0..1, dB, at most 100."""
    return float(-10 * np.log10(max(((ours - theirs) ** 2).mean(), _LEAST_ERROR)))


def ssim(ours: Floats, theirs: Floats) -> float:
    """Structural similarity of values 0..1 (H, W, 3), mean over pixels and channels."""
    mean_a, mean_b = _window(ours), _window(theirs)
    var_a = _window(ours * ours) - mean_a * mean_a
    var_b = _window(theirs * theirs) - mean_b * mean_b
    shared = _window(ours * theirs) - mean_a * mean_b
    likeness = (2 * mean_a * mean_b + _C1) * (2 * shared + _C2)
    likeness /= (mean_a * mean_a + mean_b * mean_b + _C1) * (var_a + var_b + _C2)
    edge = _WINDOW_PX // 2
    return float(likeness[edge:-edge, edge:-edge].mean())


def mask_iou(found: Mask, truth: Mask) -> float:
    """Intersection over union; the true outline +-3 px and its straps don't count.

    Args:
        found: bool (H, W), True = covered.
        truth: the same, drawn by hand or by a program.
    """
    whole = truth.astype(np.uint8)
    body = cv2.morphologyEx(whole, cv2.MORPH_OPEN, _disc(_STRAP_PX))
    rim = _disc(2 * _UNSURE_PX + 1)
    counted = cv2.dilate(whole, rim) == cv2.erode(body, rim)
    common, either = (body > 0) & found & counted, ((body > 0) | found) & counted
    return float(common.sum() / max(1, either.sum()))


def correlation(ours: Image, theirs: Image, where: Mask) -> float:
    """Pearson correlation of the colour values of two pictures inside a mask, -1..1."""
    a, b = unit(ours)[where], unit(theirs)[where]
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    return float((a * b).sum() / max(1e-9, np.sqrt((a * a).sum() * (b * b).sum())))


def _window(values: Floats) -> Floats:
    size = (_WINDOW_PX, _WINDOW_PX)
    return np.asarray(cv2.GaussianBlur(values, size, _WINDOW_SIGMA_PX), np.float32)


def _disc(side: int) -> npt.NDArray[np.uint8]:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)


def _gradients(values: Floats, where: Mask) -> Floats:
    """Sobel of the grey picture, float32 (2, pixels of `where`)."""
    grey = cv2.cvtColor(values, cv2.COLOR_RGB2GRAY)
    along = [cv2.Sobel(grey, cv2.CV_32F, dx, 1 - dx)[where] for dx in (1, 0)]
    return np.asarray(np.stack(along), np.float32)


def _energy(gradients: Floats) -> float:
    return float(np.sqrt((gradients**2).sum(axis=0)).mean()) if gradients.size else 0.0


def _alignment(ours: Floats, theirs: Floats) -> float:
    norm = np.sqrt((ours * ours).sum() * (theirs * theirs).sum())
    return float((ours * theirs).sum() / max(1e-9, norm))
