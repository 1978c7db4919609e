"""Anchor-free face detector with five points, one stage, four strides.

In the spirit of FCOS (Tian et al., 2019, https://arxiv.org/abs/1904.01355) and SCRFD
(Guo et al., 2021, https://arxiv.org/abs/2105.04714): each cell of four grids says whether a
face is centred near it, and where that face's box and points lie.
In:   photo  float32 (B, 3, H, W), RGB in [-1, 1], H and W divisible by 64.
Out:  Candidates, one per cell, N = sum of H/s * W/s over the strides s; px of the input,
      integer coordinates are pixel centres.
Unlike the papers: the backbone is a small one for CPUs (backbone.py), heads are not shared
between strides, and the score estimates the box's overlap.
Not here: non-maximum suppression and thresholds (detect.py), weights (checkpoint.py).
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from models.crop.backbone import Backbone, conv

STRIDES = (8, 16, 32, 64)
POINTS = 5
# Prior of a face at a cell; keeps the empty cells from dominating the first steps.
_FACE_PRIOR_LOGIT = -4.6


@dataclass(frozen=True)
class DetectorConfig:
    width: float = 1.0  # of the backbone, see there
    coarsest: int = 128  # channels at stride 64, beyond the backbone
    necks: tuple[int, ...] = (64, 80, 80, 80)  # channels that the heads see

    def __post_init__(self) -> None:
        if len(self.necks) != len(STRIDES):
            raise ValueError(f"necks has {len(self.necks)} numbers: it must have {len(STRIDES)}")


class Candidates(NamedTuple):
    """What every cell proposes."""

    logits: torch.Tensor  # (B, N); sigmoid: expected overlap (IoU) of the box with a face
    boxes: torch.Tensor  # (B, N, 4) x0, y0, x1, y1, px
    points: torch.Tensor  # (B, N, 5, 2) x, y, px: eyes, nose tip, mouth corners


class FaceDetector(nn.Module):
    """See the head of this file."""

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone = Backbone(config.width)
        channels = self.backbone.channels
        self.coarsest = conv(channels[-1], config.coarsest, kernel=3, stride=2)
        self.neck = _Neck((*channels, config.coarsest), config.necks)
        self.heads = nn.ModuleList([_Head(channels) for channels in config.necks])

    def forward(self, photo: torch.Tensor) -> Candidates:
        proposals = [
            _decode(head(level), stride)
            for head, level, stride in zip(self.heads, self.encode(photo), STRIDES, strict=True)
        ]
        return Candidates(*(torch.cat(part, dim=1) for part in zip(*proposals, strict=True)))

    def encode(self, photo: torch.Tensor) -> list[torch.Tensor]:
        """What the heads see: (B, C, H/s, W/s) for each stride s, C as in the config's necks."""
        levels = self.backbone(photo)
        levels = self.neck([*levels, self.coarsest(levels[-1])])
        return [
            head.get_submodule("mix")(level) for head, level in zip(self.heads, levels, strict=True)
        ]


def cell_centres(height: int, width: int, stride: int, device: torch.device) -> torch.Tensor:
    """Centres of the cells of one grid, row by row: float32 (H/s * W/s, 2), (x, y) px."""
    y = torch.arange(height // stride, device=device, dtype=torch.float32)
    x = torch.arange(width // stride, device=device, dtype=torch.float32)
    grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)
    return ((grid + 0.5) * stride - 0.5).reshape(-1, 2)


def _decode(raw: torch.Tensor, stride: int) -> Candidates:
    batch, channels, height, width = raw.shape
    cells = raw.permute(0, 2, 3, 1).reshape(batch, height * width, channels)
    centres = cell_centres(height * stride, width * stride, stride, raw.device)
    logits, sides, points = cells.tensor_split([1, 5], dim=-1)
    # Distances from the cell's centre to the box's sides, always positive.
    sides = stride * sides.clamp(max=4.0).exp()
    boxes = torch.cat([centres - sides[..., :2], centres + sides[..., 2:]], dim=-1)
    offsets = stride * points.reshape(batch, height * width, POINTS, 2)
    return Candidates(logits.squeeze(-1), boxes, centres[:, None] + offsets)


class _Neck(nn.Module):
    """Passes what the coarse grids know down to the finer ones (FPN)."""

    def __init__(self, widths: tuple[int, ...], necks: tuple[int, ...]) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(
            [conv(i, o, kernel=1) for i, o in zip(widths, necks, strict=True)]
        )
        self.down = nn.ModuleList(
            [conv(coarse, fine, kernel=1) for coarse, fine in zip(necks[1:], necks, strict=False)]
        )

    def forward(self, levels: list[torch.Tensor]) -> list[torch.Tensor]:
        result = [lateral(level) for lateral, level in zip(self.lateral, levels, strict=True)]
        for index in reversed(range(len(self.down))):
            hint = self.down[index](result[index + 1])
            result[index] = result[index] + F.interpolate(hint, scale_factor=2.0)
        return result


class _Head(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mix = conv(channels, channels, kernel=3)
        self.out = nn.Conv2d(channels, 1 + 4 + 2 * POINTS, 1)
        nn.init.normal_(self.out.weight, std=0.01)
        start = torch.zeros(1 + 4 + 2 * POINTS)
        start[0] = _FACE_PRIOR_LOGIT
        start[1:5] = 0.7  # faces start four cells wide
        self.out.bias = nn.Parameter(start)

    def forward(self, mixed: torch.Tensor) -> torch.Tensor:
        # Coordinates need more precision than bfloat16 has.
        with torch.autocast(mixed.device.type, enabled=False):
            raw: torch.Tensor = self.out(mixed.float())
        return raw
