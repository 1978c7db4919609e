"""U-Net that marks which pixels of a face a mask covers, and whether one is worn at all.

Ronneberger et al., "U-Net", 2015, arXiv:1505.04597.
In:   face   float32 (B, 3, S, S), RGB in [-1, 1], S divisible by 2**(depth + 1).
Out:  logits float32 (B, 1, S, S), > 0 where covered;
      worn   float32 (B,), logit that a mask is worn.
Unlike the paper: the picture is folded (pixel unshuffle by 2) before the first convolution
and unfolded after the last, as a full-size grid takes a CPU six times as long per multiply;
padded convolutions, batch norm, and a second head on the lowest grid.
"""

from dataclasses import dataclass

import torch
from torch import nn

from models.nets.blocks import Join, conv_bn


@dataclass(frozen=True)
class UNetConfig:
    width: int = 20  # channels at the first grid; doubles at each level
    depth: int = 4  # times the folded grid is halved
    max_width: int = 160  # channels stop doubling here


class UNet(nn.Module):
    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        widths = [min(config.width << level, config.max_width) for level in range(config.depth + 1)]
        self.fold = nn.PixelUnshuffle(2)
        self.down = nn.ModuleList()
        channels = 3 * 4
        for level, width in enumerate(widths):
            stride = 1 if level == 0 else 2
            self.down.append(nn.Sequential(conv_bn(channels, width, stride), conv_bn(width, width)))
            channels = width
        self.up = nn.ModuleList()
        for below, width in zip(widths[:0:-1], widths[-2::-1], strict=True):
            self.up.append(nn.ModuleList([Join(below, width, width), conv_bn(width, width)]))
        self.unfold = nn.Sequential(nn.Conv2d(widths[0], 4, 1), nn.PixelShuffle(2))
        self.worn = nn.Linear(2 * widths[-1], 1)

    def forward(self, face: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = self.fold(face)
        skips: list[torch.Tensor] = []
        for block in self.down:
            x = block(x)
            skips.append(x)
        pooled = torch.cat([x.mean(dim=(2, 3)), x.amax(dim=(2, 3))], dim=1)
        worn = self.worn(pooled)[:, 0]
        for level, skip in zip(self.up, skips[-2::-1], strict=True):
            join, refine = level.children()
            x = refine(join(x, skip))
        return self.unfold(x), worn
