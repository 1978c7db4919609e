"""Trains the editor: a generator against two discriminators, after Din et al. 2020.

The recipe of doi:10.1109/ACCESS.2020.2977386: reconstruction loss L1 + (1 - SSIM), a discriminator
for the whole face and, after two fifths of training, one for the mask region; weights 100, 0.3
and 0.7. Unlike in the paper, the generator follows landmark lines: in training a mix of the labels
and of the landmark net's guesses, so that it learns how far to trust a guess. The discriminators
can also judge ImageNet features (`projected`, see adversaries.py).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import nn

from models.checkpoint import save_net
from models.crop.frame import FRAME_PX, scale_affine, transform
from models.inpaint.generator import Generator, GeneratorConfig
from models.landmarks.draw import draw_lines
from models.landmarks.net import SEEN_PX, LandmarkNet
from models.pixels import Image, to_images
from models.training.augment import jittered_faces
from models.training.frames import Faces
from models.training.inpaint.adversaries import REGION, WHOLE, Adversaries
from models.training.loop import HELD_OUT, Batch, Losses, Task
from models.training.losses import reconstruction
from models.training.precision import mixed_precision
from models.training.samples import Sample, draw_sample, stack
from models.training.settings import check_least, check_shares
from models.training.sheets import contact_sheet

# Held-out faces are painted along the same lines in each run; as ever with the shipped recipe.
_HELD_OUT_SEED = 3


@dataclass(frozen=True)
class InpaintTraining:
    """Settings of the editor's trainer."""

    batch_size: int = 16
    size: int = FRAME_PX  # side of the pictures, px; divisible by 16
    favoured_share: float = 0.0  # samples with `favoured` faces, otherwise seen too rarely
    faces_per_kind: int = 0  # faces that each kind of mask is drawn on; 0: all
    jitter: float = 1.0
    guided: bool = True  # paints along landmark lines
    label_jitter_px: float = 1.0  # of the labels that it paints along, in the 256 px frame
    guess_share: float = 0.5  # samples that follow the landmark net instead of the labels
    # Loss weight, as are `whole` and `region`; also the norm to which gradients are clipped.
    reconstruction: float = 100.0
    structure: float = 1.0  # weight of 1 - SSIM relative to L1, within the reconstruction
    whole: float = 0.3
    region: float = 0.7
    whole_from: float = 0.0  # share of training after which the discriminator joins
    region_from: float = 0.4
    discriminator_rate: float = 1.0  # of the generator's learning rate
    projected: bool = False  # the discriminators judge ImageNet features, not pixels
    features: float = 0.0  # weight of the features' distance to the truth; needs `projected`

    def __post_init__(self) -> None:
        check_least(self, 1, "batch_size")
        check_least(self, 16, "size")
        check_least(self, 0, "faces_per_kind", "jitter", "label_jitter_px", "discriminator_rate")
        check_least(self, 0, "reconstruction", "structure", "whole", "region", "features")
        check_shares(self, "favoured_share", "guess_share", "whole_from", "region_from")
        if self.reconstruction == 0:
            raise ValueError(
                "reconstruction is 0: it must be above 0, as gradients are clipped to it"
            )
        if self.size % 16:
            raise ValueError(f"size {self.size}: the generator needs a multiple of 16 px")
        if self.features and not self.projected:
            raise ValueError("features: their distance needs projected: true")


class InpaintTask(Task):
    net: Generator

    def __init__(
        self,
        faces: Faces,
        landmark_net: LandmarkNet | None,  # None only if not `guided`
        settings: InpaintTraining,
        seed: int,
        device: str = "cpu",
        sizes: GeneratorConfig = GeneratorConfig(),  # noqa: B008, frozen
        favoured: Faces | None = None,  # a subset of `faces`
    ) -> None:
        if (settings.favoured_share > 0) != (favoured is not None):
            raise ValueError("'favoured' says which faces, 'favoured_share' how often: give both")
        self.settings, self.seed, self.device = settings, seed, device
        self.faces, self.apart = faces.split()
        self._favoured = favoured.split()[0] if favoured else self.faces
        self.landmark_net = landmark_net.to(device).eval() if landmark_net else None
        self.net = Generator(sizes).to(device)
        self.net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.adversaries = Adversaries(settings.projected, device)
        self.others = self.adversaries.nets
        adam = torch.optim.Adam(self.net.parameters(), betas=(0.5, 0.99))
        self.optimizers = {"net": adam} | self.adversaries.optimizers
        for optimizer in self.adversaries.optimizers.values():
            optimizer.param_groups[0]["rate_factor"] = settings.discriminator_rate

    def batch(self, step: int) -> Batch:
        rng = np.random.default_rng((self.seed, step))
        samples = [self._draw_any(rng) for _ in range(self.settings.batch_size)]
        return stack(samples) | {"seed": torch.tensor([int(rng.integers(2**62))])}

    def held_out_batch(self, number: int) -> Batch:
        rng = np.random.default_rng((1, number))
        samples = [self._draw(self.apart, rng) for _ in range(HELD_OUT)]
        return stack(samples) | {"seed": torch.tensor([int(rng.integers(2**62))])}

    def _draw_any(self, rng: np.random.Generator) -> Sample:
        share = self.settings.favoured_share
        return self._draw(self._favoured if share > 0 and rng.random() < share else self.faces, rng)

    def _draw(self, faces: Faces, rng: np.random.Generator) -> Sample:
        settings = self.settings
        return draw_sample(faces, rng, settings.jitter, 0.0, settings.size, settings.faces_per_kind)

    def train_step(self, batch: Batch, progress: float) -> Losses:
        self.net.train()
        truth, hole, lines = self._given(batch, self.seed)
        painted = _painted(self.net, truth, hole, lines)
        l1, structure = reconstruction(painted, truth, hole)
        loss = self.settings.reconstruction * (l1 + self.settings.structure * structure)
        losses = {"l1": l1.detach(), "1-ssim": structure.detach()}
        context, weights = torch.cat([hole, lines], dim=1), self._weights(progress)
        fooling, adversarial = self.adversaries.loss(
            painted, truth, context, weights, self.settings.features
        )
        loss, losses = loss + fooling, losses | adversarial
        self.descend(loss, self.settings.reconstruction)
        return losses

    def losses(self, net: nn.Module, batch: Batch) -> dict[str, torch.Tensor]:
        truth, hole, lines = self._given(batch, _HELD_OUT_SEED)
        l1, structure = reconstruction(_painted(net, truth, hole, lines), truth, hole)
        return {"l1": l1, "1-ssim": structure}

    def _weights(self, progress: float) -> dict[str, float]:
        settings = self.settings
        joins = {WHOLE: settings.whole_from, REGION: settings.region_from}
        weights = {WHOLE: settings.whole, REGION: settings.region}
        return {n: w for n, w in weights.items() if w > 0 and progress >= joins[n]}

    def _inputs(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        face = jittered_faces(batch, self.device, strength=0.5)
        face = face.contiguous(memory_format=torch.channels_last)
        return face, batch["hole"].to(self.device).float(), batch["points"].to(self.device)

    def _given(self, batch: Batch, seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The truth, its hole and the lines to paint along."""
        truth, hole, points = self._inputs(batch)
        return truth, hole, self._lines(truth, hole, points, (seed, int(batch["seed"]), 1))

    @torch.no_grad()
    def _lines(
        self,
        face: torch.Tensor,
        hole: torch.Tensor,
        points: torch.Tensor,
        seed: tuple[int, ...],
    ) -> torch.Tensor:
        """Lines to paint along: jittered labels or, for a share of the samples, the guess."""
        if not self.settings.guided:
            return torch.zeros_like(hole)
        rng = np.random.default_rng(seed)
        labels = points.cpu().numpy()
        scale = self.settings.size / FRAME_PX
        labels = labels + rng.normal(0, self.settings.label_jitter_px * scale, labels.shape)
        with mixed_precision(face.device):
            guesses = self._guess(face, hole)
        follow = rng.random((len(labels), 1, 1)) < self.settings.guess_share
        return self._drawn(np.where(follow, guesses, labels), hole)

    def guessed_lines(self, face: torch.Tensor, hole: torch.Tensor) -> torch.Tensor:
        """The lines as the service draws them: (B, 1, S, S), all 0 if not `guided`."""
        if not self.settings.guided:
            return torch.zeros_like(hole)
        return self._drawn(self._guess(face, hole), hole)

    @torch.no_grad()
    def _guess(self, face: torch.Tensor, hole: torch.Tensor) -> npt.NDArray[np.float32]:
        """The landmark net's points, float32 (B, 68, 2), in px of the pictures given."""
        assert self.landmark_net is not None
        size = face.shape[-1]
        if size % SEEN_PX:  # the landmark net shrinks by whole factors only
            face = F.interpolate(face, SEEN_PX, mode="area")
            hole = F.interpolate(hole, SEEN_PX, mode="area").ceil()
        points = self.landmark_net(face, hole).float().cpu().numpy()
        return points if size == FRAME_PX else transform(points, scale_affine(size))

    def _drawn(self, points: npt.NDArray[np.floating], hole: torch.Tensor) -> torch.Tensor:
        holes = hole[:, 0].bool().cpu().numpy()
        lines = [draw_lines(p.astype(np.float32), h) for p, h in zip(points, holes, strict=True)]
        return torch.from_numpy(np.stack(lines)).to(self.device)[:, None].float() / 255

    @torch.inference_mode()
    def sheet(self, net: nn.Module) -> Image:
        """Rows: masked, painted along the guess, painted along the labels, truth."""
        rng = np.random.default_rng(1)
        size = self.settings.size
        batch = stack([draw_sample(self.apart, rng, 0.5, 0.0, size) for _ in range(16)])
        truth, hole, points = self._inputs(batch | {"seed": torch.tensor([1])})
        guess = self.guessed_lines(truth, hole)
        label = self._drawn(points.cpu().numpy(), hole) if self.settings.guided else guess
        rows = [truth * (1 - hole), net(truth, hole, guess), net(truth, hole, label), truth]
        columns = [to_images(row) for row in rows]
        return contact_sheet([[*c[i : i + 8]] for i in (0, 8) for c in columns])

    def export(self, path: Path, net: nn.Module) -> None:
        save_net(path, net, self.net.config)


def _painted(
    net: nn.Module, truth: torch.Tensor, hole: torch.Tensor, lines: torch.Tensor
) -> torch.Tensor:
    with mixed_precision(truth.device):
        painted: torch.Tensor = net(truth, hole, lines)
    return painted.float()
