"""Labels for real masks that nobody outlined: where the mask net and the colours agree.

Self-training: the mask net sees several views of each face (as it is, mirrored, rotated and
scaled). GrabCut (Rother et al. 2004, doi:10.1145/1015706.1015720) starts from its result and moves
the outline to where the colours change. Pixels on which all agree become labels, the others stay
open. A face whose views disagree too much gets no labels.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch

from models.atomic_write import atomic_write
from models.mask.unet import UNet
from models.pixels import Image, to_tensor
from models.training.frames import STORE_PX, Faces
from models.training.lock import locked

OPEN = 255  # value of a pixel without a label
_VIEWS = ((1.0, 0.0, False), (1.0, 0.0, True), (0.92, 6.0, False), (1.06, -6.0, True))
_AGREE = 0.75  # least IoU of each view's mask with the mask of their mean
_COVERED = (0.04, 0.6)  # smallest and largest share of the picture that a worn mask covers
_SURE, _CORE_PX, _REACH_PX = 0.95, 6, 8  # seeds of GrabCut
_ROUNDS = 2


@dataclass(frozen=True)
class RealFaces:
    """Faces that wear real masks."""

    faces: Faces
    # (N, STORE_PX, STORE_PX), all faces of the store: 0 bare, 1 covered, OPEN unknown
    labels: npt.NDArray[np.uint8]


def label_masks(net: UNet, faces: Faces, kept: Path) -> npt.NDArray[np.uint8]:
    """Labels all faces in a store of real masks, or reads the labels of an earlier call.

    Args:
        net: the mask net that labels.
        faces: the store.
        kept: npz file that keeps the labels for the next call.

    Returns:
        Labels as in `RealFaces`.
    """
    if not kept.exists():
        with locked(kept.with_suffix(".lock"), "it labels the same real masks"):
            if not kept.exists():
                _label_all(net, faces, kept)
    return np.asarray(np.load(kept)["labels"], np.uint8)


def _label_all(net: UNet, faces: Faces, kept: Path) -> None:
    labels = np.full((len(faces), STORE_PX, STORE_PX), OPEN, np.uint8)
    for row in range(len(faces)):
        found = label_mask(net, faces[row][0])
        labels[row] = OPEN if found is None else found
        if row % 100 == 0:
            print(f"labelling real masks: {row} of {len(faces)}", flush=True)
    with atomic_write(kept) as part:
        np.savez_compressed(part, labels=labels)


def label_mask(net: UNet, face: Image) -> npt.NDArray[np.uint8] | None:
    """Labels of one face, uint8 (S, S); None if the views disagree or no mask is seen."""
    views = [_probability(net, face, *view) for view in _VIEWS]
    mean = np.mean(views, axis=0)
    mask = mean > 0.5
    overlaps = [((v > 0.5) & mask).sum() / max(1, ((v > 0.5) | mask).sum()) for v in views]
    if not _COVERED[0] < mask.mean() < _COVERED[1] or min(overlaps) < _AGREE:
        return None
    agreed = _grab_cut(face, mean.astype(np.float32)) == mask
    for view in views:
        agreed &= (view > 0.5) == mask
    return np.where(agreed, mask, OPEN).astype(np.uint8)


@torch.inference_mode()
def _probability(
    net: UNet, face: Image, scale: float, degrees: float, flip: bool
) -> npt.NDArray[np.float32]:
    side = face.shape[0]
    centre = ((side - 1) / 2, (side - 1) / 2)
    turn = cv2.getRotationMatrix2D(centre, degrees, scale)
    if flip:
        turn = turn @ np.array([[-1, 0, side - 1], [0, 1, 0], [0, 0, 1]], np.float64)
    view = cv2.warpAffine(
        face, turn, (side, side), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
    )
    logits, _ = net(to_tensor([np.asarray(view, np.uint8)], "cpu"))
    found = torch.sigmoid(logits[0, 0].float()).numpy()
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(found, turn, (side, side), flags=flags), np.float32)


def _grab_cut(face: Image, probability: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    mask = (probability > 0.5).astype(np.uint8)
    core, reach = (
        cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * px + 1,) * 2)
        for px in (_CORE_PX, _REACH_PX)
    )
    state = np.where(mask > 0, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    state[(cv2.erode(mask, core) > 0) & (probability > _SURE)] = cv2.GC_FGD
    state[cv2.dilate(mask, reach) == 0] = cv2.GC_BGD
    models = np.zeros((2, 1, 65))
    cv2.grabCut(face, state, (0, 0, 0, 0), models[0], models[1], _ROUNDS, cv2.GC_INIT_WITH_MASK)
    return np.asarray((state == cv2.GC_FGD) | (state == cv2.GC_PR_FGD), np.bool_)
