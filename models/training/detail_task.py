"""Trains the detail net: painted faces at 256 px in, the same faces at 512 px out.

The inputs are what the editor paints, faults and all, so that the net learns which of it to
trust. L1 alone would give a blur; beside it stand the marks of sharp pictures: the gradients
shall point where those of the truth do, and be nearly as large. Needs sharp large faces (the
frame 400 px wide or more in the picture), and the trained editor and landmark net.

Faces are painted once, when training starts; a sample is a window around a hole's pixel.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from models.checkpoint import save_net
from models.crop.frame import FRAME_PX, compose, crop_face, scale_affine
from models.detail.net import DetailConfig, DetailNet
from models.inpaint.generator import Generator
from models.inpaint.paint import paint_faces
from models.landmarks.net import LandmarkNet
from models.pixels import Image, Mask, masks_to_tensor, to_images, to_tensor
from models.training.frames import Labelled, cut, jittered_frame
from models.training.loop import Batch, Losses, Task
from models.training.masks.outline import draw_outline
from models.training.sheets import contact_sheet

FINE_PX = 2 * FRAME_PX
_HELD_BACK = 20  # every so many-th face is for the sheets
_LUMA = (0.299, 0.587, 0.114)
_SOBEL = ((-1.0, 0.0, 1.0), (-2.0, 0.0, 2.0), (-1.0, 0.0, 1.0))


@dataclass(frozen=True)
class DetailTraining:
    """Settings of the detail net's trainer."""

    batch_size: int = 4
    window_px: int = 96  # of the frame; even
    jitter: float = 0.7
    energy: float = 0.1  # weights of the losses beside L1
    direction: float = 0.1
    aim: float = 0.85  # gradient energy over the truth's that is enough


@dataclass(frozen=True)
class PaintedSample:
    """A face as the service paints it, and as it is."""

    painted: Image  # uint8 (256, 256, 3)
    hole: Mask  # bool (256, 256)
    truth: Image  # uint8 (512, 512, 3)


class DetailTask(Task):
    net: DetailNet

    def __init__(
        self,
        samples: Sequence[PaintedSample],
        settings: DetailTraining,
        seed: int,
        device: str = "cpu",
        sizes: DetailConfig = DetailConfig(),  # noqa: B008, frozen
    ) -> None:
        self.settings, self.seed, self.device, self.sizes = settings, seed, device, sizes
        self.apart = samples[_HELD_BACK - 1 :: _HELD_BACK]
        self.samples = [s for i, s in enumerate(samples) if i % _HELD_BACK != _HELD_BACK - 1]
        self.net = self.build()
        self.others: dict[str, nn.Module] = {}
        self.optimizers = {"net": torch.optim.Adam(self.net.parameters(), betas=(0.9, 0.99))}

    def build(self) -> DetailNet:
        net = DetailNet(self.sizes).to(self.device)
        return net.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]

    def batch(self, step: int) -> Batch:
        rng = np.random.default_rng((self.seed, step))
        rows = rng.integers(len(self.samples), size=self.settings.batch_size)
        windows = [_window(self.samples[row], self.settings.window_px, rng) for row in rows]
        painted, holes, truths = zip(*windows, strict=True)
        return {
            "painted": torch.from_numpy(np.stack(painted)),
            "hole": torch.from_numpy(np.stack(holes))[:, None],
            "truth": torch.from_numpy(np.stack(truths)),
            "gain": torch.from_numpy(np.exp(rng.normal(0, 0.15, len(rows))).astype(np.float32)),
        }

    def train_step(self, batch: Batch, progress: float) -> Losses:  # noqa: ARG002
        self.net.train()
        painted, truth = (self._picture(batch, name) for name in ("painted", "truth"))
        hole = batch["hole"].to(self.device).float()
        # No autocast: dilated convolutions in bfloat16 gave NaN gradients on a CPU.
        fine = self.net(painted, hole)
        where = F.interpolate(hole, scale_factor=2.0)
        l1 = ((fine - truth).abs() * where).sum() / (3 * where.sum() + 1)
        energy, direction = gradient_losses(fine, truth, where, self.settings.aim)
        loss = l1 + self.settings.energy * energy + self.settings.direction * direction
        self.optimizers["net"].zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimizers["net"].step()
        losses = {"l1": l1, "energy": energy, "direction": direction}
        return {name: value.detach() for name, value in losses.items()}

    def _picture(self, batch: Batch, name: str) -> torch.Tensor:
        light = batch[name].to(self.device).permute(0, 3, 1, 2).float() / 127.5
        picture = light * batch["gain"].to(self.device)[:, None, None, None] - 1
        return picture.contiguous(memory_format=torch.channels_last)

    @torch.inference_mode()
    def sheet(self, net: nn.Module) -> Image:
        """Rows of: bicubic, refined, truth."""
        shown = self.apart[:4]
        painted, holes = (
            to_tensor([s.painted for s in shown]),
            masks_to_tensor([s.hole for s in shown]),
        )
        fine = to_images(net(painted.to(self.device), holes.to(self.device)))
        smooth = to_images(F.interpolate(painted, scale_factor=2.0, mode="bicubic"))
        return contact_sheet([smooth, fine, [s.truth for s in shown]])

    def export(self, path: Path, net: nn.Module) -> None:
        save_net(path, net, self.sizes)


def gradient_losses(
    ours: torch.Tensor, truth: torch.Tensor, where: torch.Tensor, aim: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """How much gradient energy is missing, and how far the gradients point elsewhere.

    Args:
        ours, truth: float32 (B, 3, H, W).
        where: float32 (B, 1, H, W), 1 = counts.
        aim: energy over the truth's above which none is missing.

    Returns:
        Two scalars, 0 = as the truth: log of the missing ratio; 1 - correlation.
    """
    inner = where[..., 1:-1, 1:-1]
    a, b = _sobel(ours) * inner, _sobel(truth) * inner
    share = (_energy(a) + 1e-3) / (_energy(b) + 1e-3)
    norm = (a.square().sum((1, 2, 3)) * b.square().sum((1, 2, 3)) + 1e-6).sqrt()
    correlation = (a * b).sum((1, 2, 3)) / norm
    return F.relu(torch.log(aim / share)).mean(), (1 - correlation).mean()


def _sobel(pictures: torch.Tensor) -> torch.Tensor:
    """(B, 2, H - 2, W - 2): both derivatives of the grey picture."""
    grey = (pictures * pictures.new_tensor(_LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)
    kernel = pictures.new_tensor(_SOBEL)
    return F.conv2d(grey, torch.stack([kernel, kernel.T])[:, None])


def _energy(gradients: torch.Tensor) -> torch.Tensor:
    return (gradients.square().sum(1) + 1e-6).sqrt().mean((1, 2))


def _window(
    sample: PaintedSample, side: int, rng: np.random.Generator
) -> tuple[Image, Mask, Image]:
    """A square around a random pixel of the hole, mirrored or not."""
    centre = rng.choice(np.argwhere(sample.hole))
    top, left = (int(v) for v in np.clip(centre - side // 2, 0, FRAME_PX - side) // 2 * 2)
    turn = slice(None, None, -1 if rng.random() < 0.5 else 1)
    part = (slice(top, top + side), slice(left, left + side))
    fine = (slice(2 * top, 2 * (top + side)), slice(2 * left, 2 * (left + side)))
    return sample.painted[part][:, turn], sample.hole[part][:, turn], sample.truth[fine][:, turn]


def paint_sample(
    picture: Labelled,
    generator: Generator,
    landmark_net: LandmarkNet,
    jitter: float,
    rng: np.random.Generator,
) -> PaintedSample:
    """Cuts a face out of a large picture, covers it by a drawn mask's outline and paints it."""
    frame = jittered_frame(picture.landmarks, rng, jitter, flip=bool(rng.random() < 0.5))
    points = cut(picture.image, picture.landmarks, frame)[1]
    hole = draw_outline(points, (FRAME_PX, FRAME_PX), rng)
    painted = paint_faces(generator, landmark_net, [crop_face(picture.image, frame)], [hole])[0]
    fine = compose(scale_affine(FINE_PX), frame)
    return PaintedSample(painted.face, hole, crop_face(picture.image, fine, FINE_PX))
