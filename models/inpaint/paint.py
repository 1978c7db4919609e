"""The inpaint stage's work: the hidden points are guessed, the hole is painted along them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from models.checkpoint import Manifest, load_net
from models.inpaint.generator import Generator, GeneratorConfig
from models.landmarks.draw import draw_lines
from models.landmarks.net import LandmarkNet
from models.landmarks.predict import predict_landmarks
from models.pixels import Image, Landmarks, Mask, masks_to_tensor, to_images, to_tensor


@dataclass(frozen=True)
class Painted:
    """A face without its mask."""

    face: Image  # uint8 (256, 256, 3); equals the input outside of the hole
    landmarks: Landmarks  # float32 (68, 2) px of the frame, along which it was painted


def load_generator(manifest: Manifest, device: str = "cpu") -> Generator:
    """The net that the manifest pins as "inpaint"."""
    return load_net(manifest.path("inpaint"), Generator, GeneratorConfig, device)


@torch.inference_mode()
def paint_faces(
    generator: Generator, landmark_net: LandmarkNet, faces: Sequence[Image], holes: Sequence[Mask]
) -> list[Painted]:
    """Paints the holes of some faces.

    Args:
        generator: the editor's net.
        landmark_net: guesses where the hidden points are.
        faces: canonical crops, uint8 (256, 256, 3) RGB.
        holes: bool (256, 256), True = paint here; see `models.inpaint.hole`.

    Returns:
        One painted face each, in order.
    """
    landmarks = predict_landmarks(landmark_net, faces, holes)
    device = next(generator.parameters()).device
    lines = np.stack([draw_lines(p, h) for p, h in zip(landmarks, holes, strict=True)])
    guide = torch.from_numpy(lines).to(device)[:, None].float().div_(255)
    painted = generator(to_tensor(faces, device), masks_to_tensor(holes, device), guide)
    results = to_images(painted)
    return [
        # The net's copy went through floats; the pixels that stay are the input's own.
        Painted(np.where(hole[..., None], result, face), points)
        for result, face, hole, points in zip(results, faces, holes, landmarks, strict=True)
    ]
