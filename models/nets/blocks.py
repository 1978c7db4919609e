"""Building blocks that several nets share: plain convolutions on small grids.

A CPU does a 3x3 convolution of many channels on a small grid several times faster than one
of few channels on a large grid, so these nets fold their input first (pixel unshuffle).
"""

import torch
from torch import nn


def conv_bn(inputs: int, outputs: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """3x3 convolution, batch norm, SiLU; `stride` 2 halves the grid."""
    conv = nn.Conv2d(
        inputs, outputs, 3, stride=stride, padding=dilation, dilation=dilation, bias=False
    )
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.SiLU(inplace=True))


class Join(nn.Sequential):
    """A U-Net's step up: joins a doubled coarse grid and a finer one with one `conv_bn`."""

    def __init__(self, coarse: int, fine: int, outputs: int) -> None:
        super().__init__(*conv_bn(coarse + fine, outputs))
        self.coarse = coarse  # channels of the grid that is doubled

    def forward(self, coarse: torch.Tensor, fine: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        doubled = nn.functional.interpolate(coarse, scale_factor=2.0, mode="nearest")
        x = torch.cat([doubled, fine], dim=1)
        for layer in self:
            x = layer(x)
        return x


class SqueezeExcitation(nn.Module):
    """Weights channels by the content of the whole picture: Hu et al. 2018, arXiv:1709.01507."""

    def __init__(self, channels: int, reduction: int = 4) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels, channels // reduction)
        self.excite = nn.Linear(channels // reduction, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = torch.relu(self.squeeze(x.mean(dim=(2, 3))))
        return x * torch.sigmoid(self.excite(hidden))[:, :, None, None]


class ResidualBlock(nn.Module):
    """Two convolutions and a skip connection, optionally with squeeze-excitation."""

    def __init__(self, channels: int, excite: bool = False) -> None:
        super().__init__()
        self.first = conv_bn(channels, channels)
        self.second = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)
        )
        self.excite: nn.Module = SqueezeExcitation(channels) if excite else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.silu(x + self.excite(self.second(self.first(x))))
