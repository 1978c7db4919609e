"""The mask stage's work: which pixels of a face are covered, and whether a mask is worn."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from models.checkpoint import Manifest, load_net
from models.crop.frame import face_oval
from models.light.levels import levels_of
from models.mask.unet import UNet, UNetConfig
from models.nets.inference import for_inference
from models.parallel import parallel_map
from models.pixels import Image, Mask, to_tensor

_SPECK_PX = 60  # smaller islands are noise
_HOLE_PX = 200  # smaller gaps inside the mask are highlights or print
_STRAP_PX = 12  # straps are narrower
_PART = 1 / 3  # of the largest part: a hand may divide one mask into two such parts
# Under coloured light the net finds half of a mask or none; in grey nearly all of it. Above the
# mask, skin in white light has these log2 of red and blue over green; light that moves them
# farther is strongly coloured. None of 379 photos has such light; the net knows that of lamps.
_MASK_FROM = 116  # row
_RED, _BLUE, _TINTED = 0.5, -0.45, 1.2
_LAMP = -1.2  # under light with more red than green, less blue counts as this


@dataclass(frozen=True)
class MaskFinding:
    """What the mask stage says about one face."""

    mask: Mask  # bool (256, 256), True = covered
    probability: float  # that a mask is worn, 0..1

    @property
    def coverage(self) -> float:
        """Share of the frame that is covered, 0..1."""
        return float(self.mask.mean())


def load_mask_net(manifest: Manifest, device: str = "cpu") -> UNet:
    """The net that the manifest pins as "mask".

    Raises:
        WeightsError: see `Manifest.path` and `load_net`.
    """
    net = load_net(manifest.path("mask"), UNet, UNetConfig, device)
    finest = len(net.up) - 1
    coarse = [f"down.{level}" for level in range(1, len(net.down))]
    coarse += [f"up.{level}" for level in range(finest)]  # the finest level draws the edge
    return for_inference(
        net,
        folds={"fold": "down.0.0.0"},
        float32=("unfold", "worn"),
        int8=coarse,
        parts=("forward",),
    )


@torch.inference_mode()
def detect_masks(net: UNet, faces: Sequence[Image]) -> list[MaskFinding]:
    """Marks the covered pixels of each face.

    Args:
        net: the U-Net.
        faces: canonical crops, uint8 (256, 256, 3) RGB.

    Returns:
        One finding per face, in order.
    """
    device = next(net.parameters()).device
    shown = parallel_map(_shown, faces)
    logits, worn = net(to_tensor(shown, device))
    masks = parallel_map(_tidy, (logits[:, 0] > 0).cpu().numpy())
    probabilities = torch.sigmoid(worn.float()).cpu().tolist()
    return [
        MaskFinding(mask, probability)
        for mask, probability in zip(masks, probabilities, strict=True)
    ]


def _shown(face: Image) -> Image:
    """The crop as the net sees it: in usual levels, and grey if its light is strongly coloured."""
    upper = face_oval()[:_MASK_FROM].astype(np.uint8)
    mean = np.maximum(cv2.mean(face[:_MASK_FROM], upper)[:3], 1.0)
    red, blue = np.log2(mean[[0, 2]] / mean[1])
    blue = max(blue, _LAMP) if red > 0 else blue
    if np.hypot(red - _RED, blue - _BLUE) > _TINTED:
        light = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY)
        face = np.asarray(cv2.merge([light] * 3), np.uint8)
    return levels_of(face).apply(face)


def _tidy(mask: Mask) -> Mask:
    """Drops specks and fills small gaps: nobody wears a mask with holes, or two masks.

    A smaller second part that is no strap is an ear, a cheek, or a neighbour's mask.
    """
    filled = ~_without_small(~mask, _HOLE_PX)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(filled.astype(np.uint8))
    areas = stats[:, cv2.CC_STAT_AREA]
    keep = areas >= _SPECK_PX
    keep[0] = False  # the background
    for part in np.flatnonzero(keep & (areas < _PART * areas[1:].max(initial=0))):
        keep[part] = _is_narrow(labels == part)
    return np.asarray(keep[labels], np.bool_)


def _is_narrow(part: Mask) -> bool:
    depth = cv2.distanceTransform(np.pad(part, 1).astype(np.uint8), cv2.DIST_L2, 3)
    return bool(2 * depth.max() <= _STRAP_PX)


def _without_small(mask: Mask, area_px: int) -> Mask:
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    keep = stats[:, cv2.CC_STAT_AREA] >= area_px
    keep[0] = False  # the background
    return np.asarray(keep[labels], np.bool_)
