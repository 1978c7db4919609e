"""Changes that cameras and phones make to pictures, applied to training batches."""

import cv2
import numpy as np
import torch

from models.pixels import Image
from models.training.loop import Batch


def jittered_faces(batch: Batch, device: str | torch.device, strength: float = 1.0) -> torch.Tensor:
    """The faces of a batch as a net sees them, in colours changed by the batch's seed.

    Args:
        batch: `face`, uint8 (B, H, W, 3) RGB, and `seed`, one number.
        device: where the faces go.
        strength: see `jitter_colours`.

    Returns:
        Float32 (B, 3, H, W) in [-1, 1].
    """
    faces = batch["face"].to(device).permute(0, 3, 1, 2).float() / 127.5 - 1
    return jitter_colours(faces, torch.Generator().manual_seed(int(batch["seed"])), strength)


def jitter_colours(
    faces: torch.Tensor, generator: torch.Generator, strength: float = 1.0
) -> torch.Tensor:
    """Varies light and colour of a batch, differently for each picture.

    Args:
        faces: float32 (B, 3, H, W) RGB in [-1, 1].
        generator: source of randomness.
        strength: at 1, gain varies by about 15 %, colour by about 5 %, and one in 20 turns grey.

    Returns:
        A new batch of the same shape, clipped to [-1, 1].
    """

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(len(faces), *shape, 1, 1, generator=generator).to(faces.device)

    light = (faces + 1) / 2
    grey = light.mean(dim=1, keepdim=True)
    saturation = 1 + 0.2 * strength * normal(1)
    turned = torch.rand(len(faces), 1, 1, 1, generator=generator).to(faces.device)
    saturation = torch.where(turned < 0.05 * strength, 0.0, saturation)
    light = grey + (light - grey) * saturation
    gain = torch.exp(strength * (0.15 * normal(1) + 0.05 * normal(3)))
    gamma = torch.exp(0.15 * strength * normal(1))
    light = (light.clamp(1e-4, 1) ** gamma) * gain + 0.03 * strength * normal(1)
    return light.clamp(0, 1) * 2 - 1


def degrade(image: Image, rng: np.random.Generator) -> Image:
    """Sometimes blurs, shrinks, adds grain or compresses, as cheap cameras and websites do."""
    if rng.random() < 0.3:
        image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.4, 1.8))).astype(np.uint8)
    if rng.random() < 0.25:
        side = image.shape[0]
        small = int(side * rng.uniform(0.3, 0.8))
        shrunk = cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA)
        image = cv2.resize(shrunk, (side, side), interpolation=cv2.INTER_LINEAR).astype(np.uint8)
    if rng.random() < 0.3:
        grain = rng.normal(0, rng.uniform(1, 8), image.shape).astype(np.float32)
        image = np.clip(image + grain, 0, 255).astype(np.uint8)
    if rng.random() < 0.4:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 90))]
        packed = cv2.imencode(".jpg", image[..., ::-1], quality)[1]
        image = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR_RGB), np.uint8)
    return image
