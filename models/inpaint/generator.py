"""Generator that paints the hidden part of a face along its landmarks.

After Din et al., "A Novel GAN-Based Network for Unmasking of Masked Face", IEEE Access 2020,
doi:10.1109/ACCESS.2020.2977386: encoder-decoder with skips, squeeze-excitation in the encoder,
four atrous convolutions (2, 4, 8, 16) in the middle. Guided by landmark lines as in LaFIn,
Yang et al. 2019, arXiv:1911.11394.
In:   face   float32 (B, 3, S, S), RGB in [-1, 1], S divisible by 16; hole pixels are erased.
      hole   float32 (B, 1, S, S), 1 = paint here.
      lines  float32 (B, 1, S, S), the landmarks drawn as lines inside the hole, 0..1.
Out:  face   float32 (B, 3, S, S), RGB, about [-1, 1]: the input outside the hole; or its window.
Unlike the paper: the picture is folded (pixel unshuffle by 4) and the work happens on grids of
64, 32 and 16, where a CPU is fast; a small head on the half-size grid draws the texture. What the
last layers draw far from the hole is discarded, so the service doesn't compute it (`window`).
"""

from dataclasses import dataclass

import torch
from torch import nn

from models.nets.blocks import Join, ResidualBlock, conv_bn

ATROUS_RATES = (2, 4, 8, 16)
CELL_PX = 8  # of the grid that the atrous part works on
RECEPTIVE_RADIUS_PX = 3 * 4 + 3 * 2  # of the layers after it: 3 convolutions on grid 64, 3 on 128

Window = tuple[slice, slice]  # rows, columns


@dataclass(frozen=True)
class GeneratorConfig:
    width: int = 64  # channels at grid 64, a multiple of 4
    middle: int = 128  # at grid 32
    deep: int = 192  # at grid 16
    head: int = 32  # at grid 128

    def __post_init__(self) -> None:
        if self.width % 4:
            raise ValueError(f"width is {self.width}: it must be a multiple of 4")


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
        self.join32 = Join(deep, middle, middle)
        self.atrous = nn.Sequential(*(conv_bn(middle, middle, dilation=r) for r in ATROUS_RATES))
        self.decode32 = ResidualBlock(middle)
        self.join64 = Join(middle, width, width)
        self.decode64 = ResidualBlock(width)
        self.head = nn.Sequential(
            conv_bn(width // 4 + 5 * 4, config.head),
            conv_bn(config.head, config.head),
            nn.Conv2d(config.head, 3 * 4, 3, padding=1),
            nn.PixelShuffle(2),
        )
        self.unfold = nn.PixelShuffle(2)

    def forward(
        self,
        face: torch.Tensor,
        hole: torch.Tensor,
        lines: torch.Tensor,
        window: Window | None = None,
    ) -> torch.Tensor:
        """See the head of this file; with `window`, from `window_of`, returns that part only."""
        erased = face * (1 - hole)
        seen = torch.cat([erased, hole, lines], dim=1)
        x, at64 = self.encode(seen)
        if window is not None:
            x, at64 = _cut(x, window, 8), _cut(at64, window, 4)
            seen, erased, hole = (_cut(whole, window) for whole in (seen, erased, hole))
        result: torch.Tensor = erased + self.draw(x, at64, self.fold2(seen)) * hole
        return result

    def encode(self, seen: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """All of the net that sees far.

        Args:
            seen: float32 (B, 5, S, S), erased face, hole and lines.

        Returns:
            What the picture shows, on grid 32 and on grid 64: (B, C, S/8, S/8), (B, C, S/4, S/4).
        """
        at64 = self.encode64(self.fold4(seen))
        at32 = self.encode32(at64)
        x = self.join32(self.encode16(at32), at32)
        return self.decode32(x + self.atrous(x)), at64

    def draw(self, x: torch.Tensor, at64: torch.Tensor, folded: torch.Tensor) -> torch.Tensor:
        """Paints from what `encode` returned, and from what it was given, folded by 2."""
        x = self.decode64(self.join64(x, at64))
        painted: torch.Tensor = self.head(torch.cat([self.unfold(x), folded], dim=1))
        return painted


def window_of(holes: torch.Tensor) -> Window:
    """The part of the picture that the painted holes depend on.

    In float32 the result is as if everything were computed. In int8 the steps depend on the range
    of values in the window: another window, as other holes in the batch may require, changes
    single px by up to two levels.

    Args:
        holes: bool (B, S, S), True = paint here; one window for all of them.

    Returns:
        Rows and columns, px, multiples of `CELL_PX`; the whole picture if there is no hole.
    """
    covered = holes.any(dim=0)
    return _span(covered.any(dim=1)), _span(covered.any(dim=0))


def _span(used: torch.Tensor) -> slice:
    indices = used.nonzero().flatten().tolist() or [0, len(used) - 1]
    first = (indices[0] - RECEPTIVE_RADIUS_PX) // CELL_PX * CELL_PX
    last = -(-(indices[-1] + 1 + RECEPTIVE_RADIUS_PX) // CELL_PX) * CELL_PX
    return slice(max(0, first), min(len(used), last))


def _cut(x: torch.Tensor, window: Window, cell_px: int = 1) -> torch.Tensor:
    rows, columns = (slice(part.start // cell_px, part.stop // cell_px) for part in window)
    return x[..., rows, columns]
