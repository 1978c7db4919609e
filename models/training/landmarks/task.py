"""Trains the landmark net: 68 points of bare and masked faces, with hidden points guessed.

The picture is erased under the outline of a drawn mask. The outline is drawn independently of the
points; otherwise it would give them away, and the net would fail on real masks. The face model
for expressions and candidates is fitted whenever weights are written (see `shape.py` beside this
file); a training on few faces keeps that of its start.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from models.checkpoint import save_net
from models.crop.frame import scale_affine, transform
from models.landmarks.net import SEEN_PX, LandmarkConfig, LandmarkNet
from models.pixels import Image, to_images
from models.training.augment import jittered_faces
from models.training.frames import Faces
from models.training.landmarks.shape import FEWEST_FACES, fit_face_model
from models.training.loop import HELD_OUT, Batch, Losses, Task
from models.training.losses import landmark_error
from models.training.precision import mixed_precision
from models.training.samples import draw_sample, stack
from models.training.settings import check_least, check_shares
from models.training.sheets import contact_sheet, with_mask, with_points


@dataclass(frozen=True)
class LandmarkTraining:
    """Settings of the landmark trainer."""

    batch_size: int = 48
    jitter: float = 1.3  # of the canonical frames, see `jittered_frame`
    bare_share: float = 0.15
    weight_decay: float = 1e-4

    def __post_init__(self) -> None:
        check_least(self, 1, "batch_size")
        check_least(self, 0, "jitter", "weight_decay")
        check_shares(self, "bare_share")


class LandmarkTask(Task):
    net: LandmarkNet

    def __init__(
        self,
        faces: Faces,
        settings: LandmarkTraining,
        seed: int,
        device: str = "cpu",
        sizes: LandmarkConfig = LandmarkConfig(),  # noqa: B008, frozen
    ) -> None:
        self.settings, self.seed, self.device = settings, seed, device
        self.faces, self.apart = faces.split()
        self.net = LandmarkNet(sizes).to(device)
        self.net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.net.mean_face.copy_(_mean_face(self.faces))
        self.others: dict[str, nn.Module] = {}
        adam = torch.optim.AdamW(self.net.parameters(), weight_decay=settings.weight_decay)
        self.optimizers = {"net": adam}

    def batch(self, step: int) -> Batch:
        rng = np.random.default_rng((self.seed, step))
        return self._batch_of(self.faces, self.settings.batch_size, rng)

    def held_out_batch(self, number: int) -> Batch:
        return self._batch_of(self.apart, HELD_OUT, np.random.default_rng((1, number)))

    def _batch_of(self, faces: Faces, count: int, rng: np.random.Generator) -> Batch:
        settings = self.settings
        samples = [
            draw_sample(faces, rng, settings.jitter, settings.bare_share, SEEN_PX)
            for _ in range(count)
        ]
        return stack(samples) | {"seed": torch.tensor([int(rng.integers(2**62))])}

    def train_step(self, batch: Batch, progress: float) -> Losses:  # noqa: ARG002
        self.net.train()
        losses = self.losses(self.net, batch)
        self.descend(losses["error"], 1.0)
        return {name: loss.detach() for name, loss in losses.items()}

    def losses(self, net: nn.Module, batch: Batch) -> dict[str, torch.Tensor]:
        face, hole, points = self._inputs(batch)
        with mixed_precision(face.device):
            found = net(face, hole)
        error = landmark_error(found, points)
        return {"error": error.mean(), "lips": error[:, 48:].mean()}

    def _inputs(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        face = jittered_faces(batch, self.device)
        points = batch["points"].to(self.device)
        to_frame = scale_affine(SEEN_PX)
        points = (points - float(to_frame[0, 2])) / float(to_frame[0, 0])
        return face, batch["hole"].to(self.device).float(), points

    @torch.inference_mode()
    def sheet(self, net: nn.Module) -> Image:
        rng = np.random.default_rng(1)
        samples = [draw_sample(self.apart, rng, 1.0, 0.1, SEEN_PX) for _ in range(24)]
        batch = stack(samples) | {"seed": torch.tensor([1])}
        face, hole, _ = self._inputs(batch)
        found = transform(net(face, hole).cpu().numpy(), scale_affine(SEEN_PX))
        pictures = [
            with_points(
                with_points(with_mask(im, s.hole), s.landmarks, (0, 255, 0)), p, (255, 0, 0)
            )
            for im, s, p in zip(to_images(face), samples, found, strict=True)
        ]
        return contact_sheet([pictures[i : i + 6] for i in range(0, 24, 6)])

    def export(self, path: Path, net: nn.Module) -> None:
        assert isinstance(net, LandmarkNet)
        # Asks the trained net, which holds only the model of the start: no export writes to it.
        has_model = bool(self.net.shape_gauges.any())
        if len(self.faces) >= FEWEST_FACES or not has_model:
            fit_face_model(net, self.faces, self.apart)
        save_net(path, net, self.net.config)


def _mean_face(faces: Faces) -> torch.Tensor:
    rng = np.random.default_rng(0)
    samples = [draw_sample(faces, rng, 0.0, 1.0) for _ in range(min(500, len(faces)))]
    return torch.from_numpy(np.mean([s.landmarks for s in samples], axis=0))
