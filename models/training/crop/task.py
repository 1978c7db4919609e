"""Trains the face detector: composes canvases, takes steps, draws sample sheets."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn

from models.checkpoint import save_net
from models.crop.detect import Face, faces_of
from models.crop.net import STRIDES, DetectorConfig, FaceDetector
from models.pixels import Image, to_tensor
from models.training.crop.compose import MAX_FACES, Canvas, Pool, compose_canvas
from models.training.crop.labels import (
    Picture,
    is_held_back,
    points_path,
    read_faces,
    read_scenes,
    scenes_path,
)
from models.training.crop.looks import vary_look
from models.training.crop.loss import Targets, cells_of, detection_loss
from models.training.crop.unlabelled import find_unlabelled, with_verdicts
from models.training.crop.verdicts import read_verdicts
from models.training.loop import HELD_OUT, Batch, Losses, Task
from models.training.precision import mixed_precision
from models.training.pretrained import keep_first_level, load_pretrained
from models.training.refused import read_refused, tell_refused
from models.training.rounding import with_rounded_weights
from models.training.settings import check_least, check_shares
from models.training.sheets import contact_sheet, with_points
from models.training.sources import SourceError, source_names


@dataclass(frozen=True)
class CropTraining:
    """What to train on, and in which shares."""

    sources: tuple[str, ...] = ("aaf", "scut", "utk", "omi", "masked")
    masked: tuple[str, ...] = ("masked",)  # the sources whose faces wear masks
    shares: tuple[float, ...] = (0.33, 0.12, 0.2, 0.05, 0.3)
    canvases: tuple[int, ...] = (320, 448, 640)  # sides, px; one per batch
    canvas_shares: tuple[float, ...] = (0.6, 0.15, 0.25)
    pixels: int = 16 * 320 * 320  # per batch
    weight_decay: float = 0.01
    pretrained: bool = True  # the backbone starts from ImageNet; its first level is frozen
    # An earlier net's unlabelled finds aren't background from this score on; 0: all are.
    unlabelled_score: float = 0.0
    # CSV for verdicts.py: which finds in the scenes are faces and which aren't; "": not known.
    verdicts: str = ""
    # CSV with SOURCE/NAME as `name`: faces of the sources to leave out; "": none.
    refused: str = ""

    def __post_init__(self) -> None:
        check_least(self, 1, "pixels")
        check_least(self, 0, "weight_decay")
        check_shares(self, "unlabelled_score")
        if any(side < STRIDES[-1] or side % STRIDES[-1] for side in self.canvases):
            raise ValueError(
                f"canvases: the net needs sides that are multiples of {STRIDES[-1]} px"
            )
        if unknown := sorted({*self.masked} - {*self.sources}):
            raise ValueError(
                f"masked has {unknown}, which sources lacks: name those of the sources whose faces "
                "wear masks, or [] for none"
            )
        _check_drawn("sources", self.sources, "shares", self.shares)
        _check_drawn("canvases", self.canvases, "canvas_shares", self.canvas_shares)


def _check_drawn(names: str, things: Sequence[Any], key: str, shares: Sequence[float]) -> None:
    """Raises ValueError unless each thing has its share, and the shares sum to 1."""
    if len(shares) != len(things):
        raise ValueError(f"{key} has {len(shares)} numbers, {names} has {len(things)}: as many")
    if min(shares, default=0) < 0 or not math.isclose(sum(shares), 1, abs_tol=1e-8):
        raise ValueError(f"{key} is {list(shares)}: these must be 0 or more, and sum to 1")


class CropTask(Task):
    """See `models.training.loop.Task`."""

    net: FaceDetector

    def __init__(
        self,
        folder: Path,  # with the scenes and the sources of faces
        settings: CropTraining,
        seed: int,
        device: str = "cpu",
        earlier: FaceDetector | None = None,
        sizes: DetectorConfig = DetectorConfig(),  # noqa: B008, frozen
    ) -> None:
        self.settings, self.seed, self.device = settings, seed, device
        self.net = FaceDetector(sizes).to(device)
        self.net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if settings.pretrained:
            load_pretrained(self.net.backbone)
        self.others: dict[str, nn.Module] = {}
        # Fused: on one thread, a step takes several ms less.
        adam = torch.optim.AdamW(
            self.net.parameters(), weight_decay=settings.weight_decay, fused=True
        )
        self.optimizers = {"net": adam}
        self._pool, self._apart = _pools(folder, settings, earlier)
        cv2.setNumThreads(1)

    def batch(self, step: int) -> Batch:
        rng = np.random.default_rng((self.seed, step))
        size = int(rng.choice(self.settings.canvases, p=self.settings.canvas_shares))
        count = max(1, self.settings.pixels // size**2)
        return _to_batch([_canvas(self._pool, size, rng) for _ in range(count)])

    def held_out_batch(self, number: int) -> Batch:
        rng = np.random.default_rng((1, number))
        return _to_batch([_canvas(self._apart, 320, rng) for _ in range(HELD_OUT)])

    def train_step(self, batch: Batch, progress: float) -> Losses:  # noqa: ARG002
        self.net.train()
        if self.settings.pretrained:
            keep_first_level(self.net.backbone)
        loss, parts = self._loss(self.net, batch)
        self.descend(loss, 10.0)
        return parts

    def losses(self, net: nn.Module, batch: Batch) -> dict[str, torch.Tensor]:
        return self._loss(net, batch)[1]

    def _loss(self, net: nn.Module, batch: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        batch = {name: part.to(self.device) for name, part in batch.items()}
        photos = _to_floats(batch["images"])
        with mixed_precision(self.device):
            found = net(photos)
        fields = ("boxes", "points", "trust", "counts", "ignored")
        targets = Targets(**{name: batch[name] for name in fields})
        return detection_loss(found, targets, cells_of(photos.shape[-1], photos.device))

    @torch.inference_mode()
    def sheet(self, net: nn.Module) -> Image:
        rng = np.random.default_rng(7)
        images = [_canvas(self._apart, 320, rng).image for _ in range(12)]
        found = faces_of(net(to_tensor(images, self.device)), min_score=0.3)
        drawn = [draw_faces(image, faces) for image, faces in zip(images, found, strict=True)]
        return contact_sheet([drawn[i : i + 4] for i in (0, 4, 8)])

    def export(self, path: Path, net: nn.Module) -> None:
        save_net(path, with_rounded_weights(net), self.net.config)


def _to_floats(images: torch.Tensor) -> torch.Tensor:
    """uint8 (B, S, S, 3) to float32 (B, 3, S, S) in [-1, 1], channels last."""
    return images.permute(0, 3, 1, 2).float().div_(127.5).sub_(1.0)


def draw_faces(image: Image, faces: Sequence[Face]) -> Image:
    """A copy of the picture with boxes, scores and points."""
    drawn = image.copy()
    for face in faces:
        x0, y0, x1, y1 = (round(float(v)) for v in face.box)
        cv2.rectangle(drawn, (x0, y0), (x1, y1), (0, 255, 0), 1)
        place = (x0, max(10, y0 - 2))
        cv2.putText(drawn, f"{face.score:.2f}", place, cv2.FONT_HERSHEY_PLAIN, 0.8, (255, 255, 0))
        drawn = with_points(drawn, face.points, (255, 0, 0))
    return drawn


def _canvas(pool: Pool, size: int, rng: np.random.Generator) -> Canvas:
    canvas = compose_canvas(pool, size, rng)
    image = vary_look(canvas.image, rng)
    return Canvas(image, canvas.boxes, canvas.points, canvas.trust, canvas.counts)


def _to_batch(canvases: Sequence[Canvas]) -> Batch:
    most = max(1, *(len(canvas.boxes) for canvas in canvases))
    assert most <= MAX_FACES

    def padded(name: str) -> torch.Tensor:
        parts = [getattr(canvas, name) for canvas in canvases]
        ends = [[(0, most - len(p))] + [(0, 0)] * (p.ndim - 1) for p in parts]
        return torch.from_numpy(
            np.stack([np.pad(p, end) for p, end in zip(parts, ends, strict=True)])
        )

    faces = {name: padded(name) for name in ("boxes", "points", "trust", "counts")}
    real = torch.tensor([[i < len(c.boxes) for i in range(most)] for c in canvases])
    images = torch.from_numpy(np.stack([canvas.image for canvas in canvases]))
    return {"images": images, **faces, "ignored": real & ~faces["counts"]}


def _pools(folder: Path, settings: CropTraining, earlier: FaceDetector | None) -> tuple[Pool, Pool]:
    """Pictures to train on, and the held-back fifth."""
    verdicts = read_verdicts(Path(settings.verdicts)) if settings.verdicts else []
    refused: set[str] = set()
    if settings.refused:
        refused = read_refused(settings.refused)
        tell_refused(refused, source_names(folder, settings.sources).tolist())
    scenes = [
        with_verdicts(scene, verdicts)
        for scene in read_scenes(scenes_path(folder, "scenes"), points_path(folder))
    ]
    faces = [
        read_faces(folder, name, name in settings.masked, refused) for name in settings.sources
    ]
    for name, pictures in zip(("scenes", *settings.sources), (scenes, *faces), strict=True):
        _refuse_few(folder / name, pictures)
    if earlier is not None:
        least = settings.unlabelled_score
        scenes = [find_unlabelled(earlier, scene, least, verdicts) for scene in scenes]

    def pool(apart: bool) -> Pool:
        def part(pictures: Sequence[Picture]) -> list[Picture]:
            return [picture for picture in pictures if is_held_back(picture.name) == apart]

        return Pool(part(scenes), [part(source) for source in faces], settings.shares)

    return pool(apart=False), pool(apart=True)


def _refuse_few(source: Path, pictures: Sequence[Picture]) -> None:
    """Raises SourceError unless there are pictures to train on, and held-back ones for sheets."""
    if len({is_held_back(picture.name) for picture in pictures}) < 2:
        raise SourceError(
            f"{source}: {len(pictures)} pictures are too few, as about a fifth, chosen by name, is "
            "held back: add more."
        )
