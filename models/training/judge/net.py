"""Judge: is any of a mask still visible on a face, and where?

In:   face   float32 (B, 3, S, S), RGB in [-1, 1], canonical frame, S divisible by 32.
Out:  cells  float32 (B, S / 8, S / 8), > 0 where a cell of 8x8 px shows part of a mask;
      seen   float32 (B,), logit that any part of a mask is visible.
It measures the other nets and never trains one: a net trained against it would learn to fool it.
"""

from dataclasses import dataclass

import torch
from torch import nn

from models.nets.blocks import ResidualBlock, conv_bn

CELL_PX = 8


@dataclass(frozen=True)
class JudgeConfig:
    widths: tuple[int, ...] = (24, 48, 64, 96)  # channels at grids of 64, 32, 16, 8


class JudgeNet(nn.Module):
    def __init__(self, config: JudgeConfig) -> None:
        super().__init__()
        self.config = config
        first, second, *deep = config.widths
        self.fine = nn.Sequential(
            nn.PixelUnshuffle(4),
            conv_bn(3 * 16, first),
            conv_bn(first, second, stride=2),
            ResidualBlock(second),
        )
        self.deep = nn.ModuleList()
        channels = second
        for width in deep:
            self.deep.append(nn.Sequential(conv_bn(channels, width, 2), ResidualBlock(width)))
            channels = width
        self.join = nn.Sequential(
            nn.Conv2d(second + sum(deep), second, 1, bias=False),
            nn.BatchNorm2d(second),
            nn.SiLU(inplace=True),
        )
        self.cells = nn.Conv2d(second, 1, 1)
        self.seen = nn.Linear(2 * second, 1)

    def forward(self, face: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = self.fine(face)
        levels = [x]
        for block in self.deep:
            levels.append(block(levels[-1]))
        size = x.shape[-2:]
        grown = [nn.functional.interpolate(level, size, mode="nearest") for level in levels]
        joined = self.join(torch.cat(grown, dim=1))
        pooled = torch.cat([joined.mean(dim=(2, 3)), joined.amax(dim=(2, 3))], dim=1)
        return self.cells(joined)[:, 0], self.seen(pooled)[:, 0]
