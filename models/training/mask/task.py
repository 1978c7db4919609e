"""Trains the U-Net: which pixels a mask covers, and whether one is worn.

Faces wear drawn masks, whose pixels are known exactly. Real masked faces have labels where an
earlier net and the colours agree (`real_masks`); all of them train the "worn" head. Squares of
photos without a face teach both outputs that nothing is worn there: the detector makes mistakes,
and the service must not paint over a hand.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import nn

from models.checkpoint import save_net
from models.mask.unet import UNet, UNetConfig
from models.pixels import Affine, Image, Landmarks, to_images
from models.training.augment import degrade, jittered_faces
from models.training.crop.labels import Picture
from models.training.drawing import hold_hand, wear_mask
from models.training.frames import Faces
from models.training.jitter import cut, jittered_frame
from models.training.loop import HELD_OUT, Batch, Losses, Task
from models.training.losses import dice_loss
from models.training.mask.backgrounds import draw_background
from models.training.mask.real_masks import OPEN, RealFaces
from models.training.precision import mixed_precision
from models.training.settings import check_least, check_shares
from models.training.sheets import contact_sheet, with_mask


@dataclass(frozen=True)
class MaskTraining:
    """Settings of the mask detector's trainer."""

    batch_size: int = 16
    jitter: float = 1.3
    bare_share: float = 0.15  # of the faces for drawn masks: none is worn
    real_share: float = 0.3  # of the faces: in real masks, labelled where `real_masks` could
    background_share: float = 0.1  # of the samples: no face at all
    hand_share: float = 0.0  # of the faces for drawn masks: a hand in front
    weight_decay: float = 1e-4

    def __post_init__(self) -> None:
        check_least(self, 1, "batch_size")
        check_least(self, 0, "jitter", "weight_decay")
        check_shares(self, "bare_share", "real_share", "background_share", "hand_share")


@dataclass(frozen=True)
class _Sample:
    face: Image  # uint8 (256, 256, 3)
    labels: npt.NDArray[np.uint8]  # (256, 256): 0 bare, 1 covered, OPEN unknown
    worn: bool


class MaskTask(Task):
    net: UNet

    def __init__(
        self,
        faces: Faces,
        real: RealFaces | None,
        scenes: Sequence[Picture],
        settings: MaskTraining,
        seed: int,
        device: str = "cpu",
        sizes: UNetConfig = UNetConfig(),  # noqa: B008, frozen
    ) -> None:
        self.settings, self.seed, self.device = settings, seed, device
        self.faces, self.apart = faces.split()
        self.real, self.scenes = real, scenes
        self.net = UNet(sizes).to(device)
        self.net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.others: dict[str, nn.Module] = {}
        adam = torch.optim.AdamW(self.net.parameters(), weight_decay=settings.weight_decay)
        self.optimizers = {"net": adam}

    def batch(self, step: int) -> Batch:
        rng = np.random.default_rng((self.seed, step))
        rows = [self._sample(rng, self.faces) for _ in range(self.settings.batch_size)]
        return self._stack(rows, rng)

    def held_out_batch(self, number: int) -> Batch:
        """No real masks and no backgrounds: of these, none are held out."""
        rng = np.random.default_rng((1, number))
        return self._stack([self._drawn_sample(rng, self.apart) for _ in range(HELD_OUT)], rng)

    def _stack(self, rows: Sequence[_Sample], rng: np.random.Generator) -> Batch:
        return {
            "face": torch.from_numpy(np.stack([degrade(row.face, rng) for row in rows])),
            "mask": torch.from_numpy(np.stack([row.labels for row in rows]))[:, None],
            "worn": torch.tensor([row.worn for row in rows], dtype=torch.float32),
            "seed": torch.tensor([int(rng.integers(2**62))]),
        }

    def _sample(self, rng: np.random.Generator, faces: Faces) -> _Sample:
        settings = self.settings
        if self.scenes and rng.random() < settings.background_share:
            square = draw_background(self.scenes, rng)
            return _Sample(square, np.zeros(square.shape[:2], np.uint8), worn=False)
        if self.real is not None and rng.random() < settings.real_share:
            return self._real_sample(self.real, rng)
        return self._drawn_sample(rng, faces)

    def _drawn_sample(self, rng: np.random.Generator, faces: Faces) -> _Sample:
        settings = self.settings
        image, landmarks = faces[int(rng.integers(len(faces)))]
        frame = self._frame(landmarks, rng)
        face, points = cut(image, landmarks, frame)
        shown, mask = face, np.zeros(face.shape[:2], np.bool_)
        worn = rng.random() >= settings.bare_share
        if worn:
            drawn = wear_mask(face, points, rng)
            shown, mask = drawn.image, drawn.mask
        if rng.random() < settings.hand_share:
            shown, hand = hold_hand(shown, face, points, rng)
            mask = mask & ~hand
        return _Sample(shown, mask.astype(np.uint8), worn)

    def _real_sample(self, real: RealFaces, rng: np.random.Generator) -> _Sample:
        index = int(rng.integers(len(real.faces)))
        image, landmarks = real.faces[index]
        frame = self._frame(landmarks, rng)
        face, _ = cut(image, landmarks, frame)
        labels = cv2.warpAffine(
            real.labels[real.faces.rows[index]],
            frame,
            face.shape[1::-1],
            flags=cv2.INTER_NEAREST,
            borderValue=OPEN,
        )
        return _Sample(face, np.asarray(labels, np.uint8), worn=True)

    def _frame(self, landmarks: Landmarks, rng: np.random.Generator) -> Affine:
        # Now and then far off, like the detector's points on faces seen from the side.
        amount = self.settings.jitter * float(np.exp(rng.normal(0, 0.5)))
        return jittered_frame(landmarks, rng, amount, bool(rng.random() < 0.5))

    def train_step(self, batch: Batch, progress: float) -> Losses:  # noqa: ARG002
        self.net.train()
        losses = self.losses(self.net, batch)
        self.descend(losses["bce"] + losses["dice"] + 0.1 * losses["worn"], 1.0)
        return {name: loss.detach() for name, loss in losses.items()}

    def losses(self, net: nn.Module, batch: Batch) -> dict[str, torch.Tensor]:
        face = jittered_faces(batch, self.device)
        labels = batch["mask"].to(self.device)
        mask, known = (labels == 1).float(), (labels != OPEN).float()
        with mixed_precision(face.device):
            logits, worn = net(face)
        logits, worn = logits.float(), worn.float()
        pixel = F.binary_cross_entropy_with_logits(logits, mask, reduction="none")
        bce = (pixel * known).sum() / known.sum().clamp(min=1)
        # Dice: pixels without a label count as found bare; faces without any label don't count.
        labelled = known.amax((1, 2, 3))
        dice = dice_loss(logits.masked_fill(known == 0, -20.0), mask)
        dice = (dice * labelled).sum() / labelled.sum().clamp(min=1)
        head = F.binary_cross_entropy_with_logits(worn, batch["worn"].to(self.device))
        return {"bce": bce, "dice": dice, "worn": head}

    @torch.inference_mode()
    def sheet(self, net: nn.Module) -> Image:
        rng = np.random.default_rng(1)
        rows = [self._sample(rng, self.apart).face for _ in range(24)]
        faces = torch.from_numpy(np.stack(rows))
        face = jittered_faces({"face": faces, "seed": torch.tensor([1])}, self.device)
        masks = (net(face)[0][:, 0] > 0).cpu().numpy()
        pictures = [with_mask(im, mask) for im, mask in zip(to_images(face), masks, strict=True)]
        return contact_sheet([pictures[i : i + 6] for i in range(0, 24, 6)])

    def export(self, path: Path, net: nn.Module) -> None:
        save_net(path, net, self.net.config)
