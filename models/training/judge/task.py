"""Trains the judge: does a face, bare, masked or painted, still show part of a mask?

Painted faces are made without our nets: the mask's place shows the same face, or another bare face
in its colours, mostly blurred. Remains are masks that were painted over except for a part.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from models.checkpoint import save_net
from models.pixels import Image, Landmarks, Mask, to_tensor
from models.training.augment import degrade, jittered_faces
from models.training.frames import Faces
from models.training.jitter import cut, jittered_frame
from models.training.judge.masks import draw_shape, draw_straps, lay_on, make_cloth
from models.training.judge.net import CELL_PX, JudgeConfig, JudgeNet
from models.training.loop import HELD_OUT, Batch, Losses, Task
from models.training.precision import mixed_precision
from models.training.settings import check_least, check_shares
from models.training.sheets import contact_sheet, with_mask

_LEAST_PX = 150  # fewer px of a mask don't count as visible
_LOWER_FACE = (slice(110, 220), slice(76, 180))  # rows and columns of the canonical frame
_CELL_SHARE = 0.25  # of a cell's px; from here on it shows a mask


@dataclass(frozen=True)
class JudgeTraining:
    """Settings of the judge's trainer; samples outside the shares are masked faces."""

    batch_size: int = 16
    jitter: float = 1.3
    bare_share: float = 0.25
    painted_share: float = 0.3
    remains_share: float = 0.25
    weight_decay: float = 1e-4

    def __post_init__(self) -> None:
        check_least(self, 1, "batch_size")
        check_least(self, 0, "jitter", "weight_decay")
        check_shares(self, "bare_share", "painted_share", "remains_share")
        shares = self.bare_share + self.painted_share + self.remains_share
        if shares > 1 + 1e-8:
            raise ValueError(f"the shares sum to {shares:g}: they must sum to 1 or less")


@dataclass(frozen=True)
class Look:
    """One picture for the judge and the pixels that show a mask."""

    face: Image
    mask: Mask


class JudgeTask(Task):
    net: JudgeNet

    def __init__(
        self, faces: Faces, real: Faces, settings: JudgeTraining, seed: int, device: str = "cpu"
    ) -> None:
        self.settings, self.seed, self.device = settings, seed, device
        self.faces, self.apart = faces.split()
        self.real = real
        self.net = JudgeNet(JudgeConfig()).to(device)
        self.net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.others: dict[str, nn.Module] = {}
        adam = torch.optim.AdamW(self.net.parameters(), weight_decay=settings.weight_decay)
        self.optimizers = {"net": adam}

    def batch(self, step: int) -> Batch:
        rng = np.random.default_rng((self.seed, step))
        return self._batch_of(self.faces, self.settings.batch_size, rng)

    def held_out_batch(self, number: int) -> Batch:
        """Of real masks none are held out: covers come from those of training."""
        return self._batch_of(self.apart, HELD_OUT, np.random.default_rng((1, number)))

    def _batch_of(self, faces: Faces, count: int, rng: np.random.Generator) -> Batch:
        looks = [self._look(rng, faces) for _ in range(count)]
        masks = np.stack([look.mask for look in looks]).astype(np.float32)
        shown = np.stack([degrade(look.face, rng) for look in looks])
        cells = F.avg_pool2d(torch.from_numpy(masks), CELL_PX) >= _CELL_SHARE
        seen = torch.tensor([bool(look.mask.any()) for look in looks])
        return {
            "face": torch.from_numpy(shown),
            "cells": cells.float(),
            "seen": seen.float(),
            "seed": torch.tensor([int(rng.integers(2**62))]),
        }

    def _look(self, rng: np.random.Generator, faces: Faces) -> Look:
        face, points = self._draw(rng, faces)
        bare = Look(face, np.zeros(face.shape[:2], np.bool_))
        shares = (self.settings.bare_share, self.settings.painted_share)
        kind = rng.random()
        if kind < shares[0]:
            return bare
        if kind < sum(shares):
            hole = draw_shape(points, face.shape[:2], rng)
            return Look(self._painted(face, face, hole, rng, faces), bare.mask)
        worn = self._masked(face, points, rng, faces)
        if kind >= sum(shares) + self.settings.remains_share:
            return worn
        remains = _part(worn.mask, rng)
        if remains.sum() < _LEAST_PX:
            return worn
        hole = _grown(worn.mask) & ~remains
        painted = self._painted(worn.face, face, hole, rng, faces)
        return Look(painted, remains)

    def _masked(
        self, face: Image, points: Landmarks, rng: np.random.Generator, faces: Faces
    ) -> Look:
        where = draw_shape(points, face.shape[:2], rng)
        if rng.random() < 0.4:  # what a real masked face wears in that place
            cover = self._draw(rng, self.real)[0]
            where &= draw_shape(points, face.shape[:2], rng)
        else:
            cover = make_cloth(face, self._other(rng, faces), rng)
        worn, mask = lay_on(face, cover, where, rng)
        straps = draw_straps(points, where, rng)
        worn[straps] = rng.integers(0, 256, 3)
        return Look(worn, mask | straps)

    def _painted(
        self, worn: Image, face: Image, hole: Mask, rng: np.random.Generator, faces: Faces
    ) -> Image:
        """Fills the hole with skin: the face's own or another one's, mostly blurred."""
        skin = face
        if rng.random() < 0.5:
            skin = _in_colours_of(self._draw(rng, faces)[0], face)
        if rng.random() < 0.7:
            skin = cv2.GaussianBlur(skin, (0, 0), float(rng.uniform(0.8, 4))).astype(np.uint8)
        soft = cv2.GaussianBlur(hole.astype(np.float32), (0, 0), float(rng.uniform(0.3, 3)))
        soft = np.where(hole, np.maximum(soft, 0.9), soft)[..., None]
        return np.clip(worn + soft * (skin.astype(np.float32) - worn), 0, 255).astype(np.uint8)

    def _draw(self, rng: np.random.Generator, faces: Faces) -> tuple[Image, Landmarks]:
        image, landmarks = faces[int(rng.integers(len(faces)))]
        frame = jittered_frame(landmarks, rng, self.settings.jitter, bool(rng.random() < 0.5))
        return cut(image, landmarks, frame)

    def _other(self, rng: np.random.Generator, faces: Faces) -> Callable[[], Image]:
        return lambda: self._draw(rng, faces)[0]

    def train_step(self, batch: Batch, progress: float) -> Losses:  # noqa: ARG002
        self.net.train()
        losses = self.losses(self.net, batch)
        self.descend(losses["cells"] + losses["seen"], 1.0)
        return {name: loss.detach() for name, loss in losses.items()}

    def losses(self, net: nn.Module, batch: Batch) -> dict[str, torch.Tensor]:
        face = jittered_faces(batch, self.device)
        with mixed_precision(face.device):
            cells, seen = net(face)
        where = F.binary_cross_entropy_with_logits(cells.float(), batch["cells"].to(self.device))
        whole = F.binary_cross_entropy_with_logits(seen.float(), batch["seen"].to(self.device))
        right = ((seen > 0).float() == batch["seen"].to(self.device)).float().mean()
        return {"cells": where, "seen": whole, "right": right}

    @torch.inference_mode()
    def sheet(self, net: nn.Module) -> Image:
        rng = np.random.default_rng(1)
        faces = np.stack([degrade(self._look(rng, self.apart).face, rng) for _ in range(40)])
        cells, seen = net(to_tensor(faces, self.device))
        tiles = [
            _verdict(face, grid, float(logit))
            for face, grid, logit in zip(faces, (cells > 0).cpu().numpy(), seen, strict=True)
        ]
        return contact_sheet([tiles[i : i + 8] for i in range(0, 40, 8)])

    def export(self, path: Path, net: nn.Module) -> None:
        save_net(path, net, self.net.config)


def _verdict(face: Image, cells: Mask, logit: float) -> Image:
    """The face, cells that show a mask tinted; framed red if a mask is seen, else green."""
    tile = with_mask(face, np.kron(cells, np.ones((CELL_PX, CELL_PX))) > 0)
    colour = (255, 0, 0) if logit > 0 else (0, 200, 0)
    return np.asarray(cv2.rectangle(tile, (0, 0), (255, 255), colour, 4), np.uint8)


def _part(mask: Mask, rng: np.random.Generator) -> Mask:
    """What a painter missed: a stretch of the rim, a strip or a blot of the mask."""
    kind = rng.random()
    if kind < 0.4:
        side = 2 * int(rng.integers(4, 14)) + 1
        inner = cv2.erode(mask.astype(np.uint8), np.ones((side, side), np.uint8)) > 0
        return mask & ~inner & _half(mask, rng)
    if kind < 0.7:
        return mask & _half(mask, rng)
    blot = np.zeros(mask.shape, np.uint8)
    rows, columns = np.nonzero(mask)
    index = int(rng.integers(max(1, len(rows)))) if len(rows) else 0
    centre = (int(columns[index]), int(rows[index])) if len(rows) else (0, 0)
    axes = (int(rng.integers(8, 45)), int(rng.integers(8, 45)))
    cv2.ellipse(blot, centre, axes, float(rng.uniform(0, 180)), 0, 360, 1, -1)
    return mask & (blot > 0)


def _half(mask: Mask, rng: np.random.Generator) -> Mask:
    """One side of a random line across the mask, sometimes the whole picture."""
    rows, columns = np.nonzero(mask)
    if rng.random() < 0.25 or not len(rows):
        return np.ones(mask.shape, np.bool_)
    angle = rng.uniform(0, 2 * np.pi)
    along = columns * np.cos(angle) + rows * np.sin(angle)
    least = np.quantile(along, rng.uniform(0.3, 0.9))
    y, x = np.indices(mask.shape)
    return np.asarray(x * np.cos(angle) + y * np.sin(angle) >= least, np.bool_)


def _grown(mask: Mask) -> Mask:
    return cv2.dilate(mask.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0


def _in_colours_of(picture: Image, face: Image) -> Image:
    """The picture with the mean and spread of the face's colours around nose and mouth."""
    theirs, ours = (p[_LOWER_FACE].reshape(-1, 3).astype(np.float32) for p in (picture, face))
    gain = ours.std(axis=0) / np.maximum(theirs.std(axis=0), 1)
    scaled = (picture.astype(np.float32) - theirs.mean(axis=0)) * gain + ours.mean(axis=0)
    return np.asarray(np.clip(scaled, 0, 255), np.uint8)
