"""Trains the U-Net: which pixels a mask covers, and whether one is worn.

Faces wear drawn masks, whose pixels are known exactly. Real masked faces, whose pixels
nobody marked, teach the "worn" head alone. Squares of photos that show no face teach both
that nothing is worn there: the detector errs, and the service must not paint on a hand.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from models.checkpoint import save_net
from models.mask.unet import UNet, UNetConfig
from models.pixels import Image, Mask, to_images
from models.training.augment import degrade, jitter_colours
from models.training.backgrounds import draw_background
from models.training.crop.labels import Picture
from models.training.frames import Faces, cut, jittered_frame
from models.training.loop import Batch, Task
from models.training.losses import dice_loss
from models.training.masks import wear_mask
from models.training.sheets import contact_sheet, with_mask


@dataclass(frozen=True)
class MaskTraining:
    """Settings of the mask detector's trainer."""

    batch_size: int = 16
    jitter: float = 1.3
    bare_share: float = 0.15
    real_share: float = 0.2  # real masked faces, without pixel labels
    background_share: float = 0.1  # no face at all
    weight_decay: float = 1e-4


class MaskTask(Task):
    net: UNet

    def __init__(
        self,
        faces: Faces,
        real: Faces | None,
        scenes: Sequence[Picture],
        settings: MaskTraining,
        seed: int,
        device: str = "cpu",
    ) -> None:
        self.settings, self.seed, self.device = settings, seed, device
        self.faces, self.apart = faces.split()
        self.real, self.scenes = real, scenes
        self.net = self.build()
        self.others: dict[str, nn.Module] = {}
        adam = torch.optim.AdamW(self.net.parameters(), weight_decay=settings.weight_decay)
        self.optimizers = {"net": adam}

    def build(self) -> UNet:
        net = UNet(UNetConfig()).to(self.device)
        return net.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]

    def batch(self, step: int) -> Batch:
        rng = np.random.default_rng((self.seed, step))
        rows = [self._sample(rng, self.faces) for _ in range(self.settings.batch_size)]
        images, masks, worn, known = zip(*rows, strict=True)
        return {
            "face": torch.from_numpy(np.stack(images)),
            "mask": torch.from_numpy(np.stack(masks))[:, None],
            "worn": torch.tensor(worn, dtype=torch.float32),
            "known": torch.tensor(known),
            "seed": torch.tensor([step]),
        }

    def _sample(self, rng: np.random.Generator, faces: Faces) -> tuple[Image, Mask, bool, bool]:
        if self.scenes and rng.random() < self.settings.background_share:
            square = draw_background(self.scenes, rng)
            return degrade(square, rng), np.zeros(square.shape[:2], np.bool_), False, True
        real = self.real is not None and rng.random() < self.settings.real_share
        source = self.real if real and self.real is not None else faces
        image, landmarks = source[int(rng.integers(len(source)))]
        frame = jittered_frame(landmarks, rng, self.settings.jitter, bool(rng.random() < 0.5))
        face, points = cut(image, landmarks, frame)
        mask: Mask = np.zeros(face.shape[:2], np.bool_)
        bare = not real and rng.random() < self.settings.bare_share
        if not real and not bare:
            worn = wear_mask(face, points, rng)
            face, mask = worn.image, worn.mask
        return degrade(face, rng), mask, not bare, not real

    def train_step(self, batch: Batch, progress: float) -> dict[str, float]:  # noqa: ARG002
        self.net.train()
        face = self._faces(batch)
        mask, known = batch["mask"].to(self.device).float(), batch["known"].to(self.device).float()
        with torch.autocast(face.device.type, torch.bfloat16):
            logits, worn = self.net(face)
        logits, worn = logits.float(), worn.float()
        pixel = F.binary_cross_entropy_with_logits(logits, mask, reduction="none").mean((1, 2, 3))
        dice = dice_loss(logits, mask)
        count = known.sum().clamp(min=1)
        bce, dice = (pixel * known).sum() / count, (dice * known).sum() / count
        head = F.binary_cross_entropy_with_logits(worn, batch["worn"].to(self.device))
        loss = bce + dice + 0.1 * head
        self.optimizers["net"].zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimizers["net"].step()
        return {"bce": bce.item(), "dice": dice.item(), "worn": head.item()}

    def _faces(self, batch: Batch) -> torch.Tensor:
        face = batch["face"].to(self.device).permute(0, 3, 1, 2).float() / 127.5 - 1
        return jitter_colours(face, torch.Generator().manual_seed(int(batch["seed"])))

    @torch.inference_mode()
    def sheet(self, net: nn.Module) -> Image:
        rng = np.random.default_rng(1)
        rows = [self._sample(rng, self.apart)[0] for _ in range(24)]
        faces = torch.from_numpy(np.stack(rows)).to(self.device)
        face = self._faces({"face": faces, "seed": torch.tensor([1])})
        masks = (net(face)[0][:, 0] > 0).cpu().numpy()
        pictures = [with_mask(im, mask) for im, mask in zip(to_images(face), masks, strict=True)]
        return contact_sheet([pictures[i : i + 6] for i in range(0, 24, 6)])

    def export(self, path: Path, net: nn.Module) -> None:
        save_net(path, net, self.net.config)
