"""A U-Net's step up in fewer products, for a net that is only run."""

import torch
from torch import nn

from models.nets.blocks import Join


class SplitJoin(nn.Module):
    """A `Join` that convolves its coarse part before doubling it: 4 products instead of 9.

    Doubling repeats each value, so two of a kernel's three rows meet the same coarse row, and their
    weights can be added in advance. Which two depends on whether the output's row is even or odd;
    likewise for columns. One 2x2 convolution gives all four cases as groups of channels.
    """

    def __init__(self, join: Join) -> None:
        super().__init__()
        conv = join[0]
        assert isinstance(conv, nn.Conv2d)
        coarse = nn.Conv2d(join.coarse, 4 * conv.out_channels, 2, padding=1, bias=False)
        fine = nn.Conv2d(conv.in_channels - join.coarse, conv.out_channels, 3, padding=1)
        kernels, fine_kernels = conv.weight.tensor_split([join.coarse], dim=1)
        cases = [case for rows in _halves(kernels, 2) for case in _halves(rows, 3)]
        coarse.weight, fine.weight = nn.Parameter(torch.cat(cases)), nn.Parameter(fine_kernels)
        fine.bias = conv.bias
        # As sequences, so that the passes over a net's convolutions find them.
        self.coarse, self.fine = nn.Sequential(coarse), nn.Sequential(fine)

    def forward(self, coarse: torch.Tensor, fine: torch.Tensor) -> torch.Tensor:
        doubled = self._doubled(self.coarse(coarse))
        joined: torch.Tensor = doubled.add_(self.fine(fine))
        return nn.functional.silu(joined, inplace=True)

    def _doubled(self, cases: torch.Tensor) -> torch.Tensor:
        """Puts the four cases where they belong: (B, 4C, H + 1, W + 1) to (B, C, 2H, 2W)."""
        batch, channels, height, width = cases.shape
        height, width = height - 1, width - 1
        grid = cases.permute(0, 2, 3, 1).view(batch, height + 1, width + 1, 4, channels // 4)
        result = grid.new_empty(batch, height, 2, width, 2, channels // 4)
        for case in range(4):
            row, column = divmod(case, 2)
            part = grid[:, row : row + height, column : column + width, case]
            result[:, :, row, :, column] = part
        return result.view(batch, 2 * height, 2 * width, channels // 4).permute(0, 3, 1, 2)


def _halves(kernels: torch.Tensor, dim: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Merges three rows (or columns) into two: for even outputs, and for odd ones."""
    first, middle, last = kernels.unbind(dim)
    even = torch.stack([first, middle + last], dim)
    return even, torch.stack([first + middle, last], dim)
