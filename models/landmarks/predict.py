"""The landmark stage's work: faces and masks in, 68 points for each face out."""

from collections.abc import Sequence

import numpy as np
import torch

from models.checkpoint import Manifest, load_net
from models.landmarks.fan import Fan, find_landmarks
from models.landmarks.net import LandmarkConfig, LandmarkNet
from models.light.levels import levels_of
from models.nets.inference import for_inference
from models.pixels import Image, Landmarks, Mask, masks_to_tensor, to_tensor


def load_landmark_net(manifest: Manifest, device: str = "cpu") -> LandmarkNet:
    """The net that the manifest pins as "landmarks".

    Raises:
        WeightsError: see `Manifest.path` and `load_net`.
    """
    net = load_net(manifest.path("landmarks"), LandmarkNet, LandmarkConfig, device)
    int8 = [f"body.{step}" for step in range(1, len(net.body))]
    return for_inference(
        net, folds={"fold": "body.0.0"}, float32=("head",), int8=int8, parts=("encode",)
    )


def predict_landmarks(
    net: LandmarkNet, faces: Sequence[Image], masks: Sequence[Mask]
) -> list[Landmarks]:
    """Finds the 68 points of each face; those under its mask are guessed.

    Args:
        net: the landmark net.
        faces: canonical crops, uint8 (256, 256, 3) RGB.
        masks: bool (256, 256), True = hidden.

    Returns:
        float32 (68, 2) each, (x, y) px of the crop, iBUG order.
    """
    shown = [levels_of(face, mask).apply(face) for face, mask in zip(faces, masks, strict=True)]
    return landmarks_of_shown(net, shown, masks)


@torch.inference_mode()
def landmarks_of_shown(
    net: LandmarkNet, shown: Sequence[Image], masks: Sequence[Mask]
) -> list[Landmarks]:
    """As `predict_landmarks`, for faces whose levels are corrected already."""
    device = net.mean_face.device
    points = net(to_tensor(shown, device), masks_to_tensor(masks, device))
    return list(points.cpu().numpy())


def find_bare_landmarks(
    net: LandmarkNet, fan: Fan | None, faces: Sequence[Image]
) -> list[Landmarks]:
    """Finds the 68 points of faces without masks, with FAN if it is there.

    Args:
        net: the landmark net, used without FAN.
        fan: see `load_fan`.
        faces: canonical crops, uint8 (256, 256, 3) RGB.

    Returns:
        float32 (68, 2) each, (x, y) px of the crop, iBUG order.
    """
    if fan is not None:
        return find_landmarks(fan, faces)
    return predict_landmarks(net, faces, [np.zeros(face.shape[:2], np.bool_) for face in faces])
