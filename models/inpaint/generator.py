"""Generator that paints the hidden part of a face along its landmarks.

After Din et al., "A Novel GAN-Based Network for Unmasking of Masked Face", IEEE Access 2020,
doi:10.1109/ACCESS.2020.2977386: encoder-decoder with skips, squeeze-excitation in the encoder,
four atrous convolutions (2, 4, 8, 16) in the middle. Guided by landmark lines as in LaFIn,
Yang et al. 2019, arXiv:1911.11394.
In:   face   float32 (B, 3, S, S), RGB in [-1, 1], S divisible by 16; hole pixels are erased.
      hole   float32 (B, 1, S, S), 1 = paint here.
      lines  float32 (B, 1, S, S), the landmarks drawn as lines inside the hole, 0..1.
Out:  face   float32 (B, 3, S, S), RGB, about [-1, 1]: the input outside of the hole.
Unlike the paper: the picture is folded (pixel unshuffle by 4) and the work happens on grids of
64, 32 and 16, where a CPU is fast; a small head on the half-size grid draws the texture.
"""

from dataclasses import dataclass

import torch
from torch import nn

from models.blocks import ResidualBlock, conv_bn

ATROUS_RATES = (2, 4, 8, 16)


@dataclass(frozen=True)
class GeneratorConfig:
    width: int = 64  # channels at grid 64
    middle: int = 128  # at grid 32
    deep: int = 192  # at grid 16
    head: int = 32  # at grid 128


class Generator(nn.Module):
    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        width, middle, deep = config.width, config.middle, config.deep
        self.fold4, self.fold2 = nn.PixelUnshuffle(4), nn.PixelUnshuffle(2)
        self.encode64 = nn.Sequential(conv_bn(5 * 16, width), ResidualBlock(width, excite=True))
        self.encode32 = nn.Sequential(
            conv_bn(width, middle, stride=2),
            ResidualBlock(middle, excite=True),
            ResidualBlock(middle, excite=True),
        )
        self.encode16 = nn.Sequential(
            conv_bn(middle, deep, stride=2),
            ResidualBlock(deep, excite=True),
            ResidualBlock(deep, excite=True),
        )
        self.join32 = conv_bn(deep + middle, middle)
        self.atrous = nn.Sequential(*(conv_bn(middle, middle, dilation=r) for r in ATROUS_RATES))
        self.decode32 = ResidualBlock(middle)
        self.join64 = conv_bn(middle + width, width)
        self.decode64 = ResidualBlock(width)
        self.head = nn.Sequential(
            conv_bn(width // 4 + 5 * 4, config.head),
            conv_bn(config.head, config.head),
            nn.Conv2d(config.head, 3 * 4, 3, padding=1),
            nn.PixelShuffle(2),
        )
        self.unfold = nn.PixelShuffle(2)

    def forward(self, face: torch.Tensor, hole: torch.Tensor, lines: torch.Tensor) -> torch.Tensor:
        erased = face * (1 - hole)
        seen = torch.cat([erased, hole, lines], dim=1)
        at64 = self.encode64(self.fold4(seen))
        at32 = self.encode32(at64)
        x = self.join32(torch.cat([_double(self.encode16(at32)), at32], dim=1))
        x = self.decode32(x + self.atrous(x))
        x = self.decode64(self.join64(torch.cat([_double(x), at64], dim=1)))
        painted = self.head(torch.cat([self.unfold(x), self.fold2(seen)], dim=1))
        result: torch.Tensor = erased + painted * hole
        return result


def _double(x: torch.Tensor) -> torch.Tensor:
    return nn.functional.interpolate(x, scale_factor=2.0, mode="nearest")
