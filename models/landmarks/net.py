"""Landmark net: 68 points of a face, the hidden ones guessed from the visible part.

In:   face   float32 (B, 3, S, S), RGB in [-1, 1], canonical frame, S = 256 or 128.
      mask   float32 (B, 1, S, S), 1 = hidden: these pixels of the face are erased.
Out:  points float32 (B, 68, 2), (x, y) px of the 256 px frame, iBUG order.
The net sees 128 px: a larger picture is averaged down first. It predicts offsets from the
mean face of its training data. What lies under the mask is erased first, so that the look of
drawn masks can't matter; only their outline is visible.
Its file also holds the model of faces by which `models.landmarks.shape` moves points: see there.
"""

from dataclasses import dataclass

import torch
from torch import nn

from models.nets.blocks import ResidualBlock, conv_bn

POINTS = 68
SEEN_PX = 128  # side of the picture that the net sees
SPREAD = 8  # principal components of the guess's error that are kept
MEASURES = 7  # what is measured of a face: see `models.landmarks.shape.measures`


@dataclass(frozen=True)
class LandmarkConfig:
    widths: tuple[int, ...] = (32, 64, 128, 192)  # channels at grids of 64, 32, 16, 8
    blocks: tuple[int, ...] = (1, 2, 2, 1)  # residual blocks at each grid
    features: int = 256  # between the last grid and the points

    def __post_init__(self) -> None:
        if len(self.widths) != len(self.blocks):
            raise ValueError(
                f"widths has {len(self.widths)} numbers, blocks {len(self.blocks)}: "
                "give one of each for a grid"
            )


class LandmarkNet(nn.Module):
    mean_face: torch.Tensor
    shape_gauges: torch.Tensor
    shape_moves: torch.Tensor
    shape_levels: torch.Tensor
    shape_spread: torch.Tensor

    def __init__(self, config: LandmarkConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("mean_face", torch.zeros(POINTS, 2))
        self.register_buffer("shape_gauges", torch.zeros(2, MEASURES))
        self.register_buffer("shape_moves", torch.zeros(2, POINTS, 2))
        self.register_buffer("shape_levels", torch.zeros(2, 2))
        self.register_buffer("shape_spread", torch.zeros(SPREAD, POINTS, 2))
        self.fold = nn.PixelUnshuffle(2)
        layers: list[nn.Module] = []
        channels = 4 * 4
        for level, (width, blocks) in enumerate(zip(config.widths, config.blocks, strict=True)):
            layers.append(conv_bn(channels, width, stride=1 if level == 0 else 2))
            layers.extend(ResidualBlock(width) for _ in range(blocks))
            channels = width
        self.body = nn.Sequential(*layers)
        self.squeeze = nn.Conv2d(channels, 32, 1)
        grid = SEEN_PX // 2 >> (len(config.widths) - 1)
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(32 * grid * grid, config.features),
            nn.SiLU(),
            nn.Linear(config.features, POINTS * 2),
        )

    def forward(self, face: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        seen = torch.cat([face * (1 - mask), mask], dim=1)
        seen = nn.functional.avg_pool2d(seen, seen.shape[-1] // SEEN_PX)
        # Flattened in NCHW order whatever the memory format, so that weights mean the same.
        offsets = self.head(self.encode(seen).contiguous()).float()
        # Units of 32 px keep the last layer's outputs near one.
        points: torch.Tensor = self.mean_face + 32 * offsets.view(-1, POINTS, 2)
        return points

    def encode(self, seen: torch.Tensor) -> torch.Tensor:
        """What an erased face and its mask show: (B, 4, 128, 128) to (B, 32, grid, grid)."""
        features: torch.Tensor = self.squeeze(self.body(self.fold(seen)))
        return features
