"""EfficientNet-Lite0 without its classification head.

Tan and Le, 2019 (https://arxiv.org/abs/1905.11946), in the variant without squeeze-and-excite
that Google published for phones. As there are few photos with boxes, it finds far more if trained
from ImageNet weights than from scratch.
In:   photo  float32 (B, 3, H, W), RGB in [-1, 1], H and W divisible by 32.
Out:  features at strides 8, 16 and 32, (B, C, H/s, W/s) with C of `Backbone.channels`.
Unlike the original: padding is the same on all sides, and activations aren't capped at 6.
"""

from typing import NamedTuple

import torch
from torch import nn

_STEM = 32


class _Group(NamedTuple):
    blocks: int
    channels: int
    expansion: int
    kernel: int
    stride: int
    ends_level: bool


_GROUPS = (
    _Group(1, 16, 1, 3, 1, False),
    _Group(2, 24, 6, 3, 2, False),
    _Group(2, 40, 6, 5, 2, True),
    _Group(3, 80, 6, 3, 2, False),
    _Group(3, 112, 6, 5, 1, True),
    _Group(4, 192, 6, 5, 2, True),
)


class Backbone(nn.Module):
    """See the head of this file.

    Args:
        width: number of channels, as a share of the original's.
    """

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        before = _narrowed(_STEM, width)
        self.stem = conv(3, before, kernel=3, stride=2)
        levels, blocks = [], []
        self.channels = tuple(_narrowed(g.channels, width) for g in _GROUPS if g.ends_level)
        for group in _GROUPS:
            after = _narrowed(group.channels, width)
            for index in range(group.blocks):
                stride = group.stride if index == 0 else 1
                blocks.append(_Block(before, after, group.expansion, group.kernel, stride))
                before = after
            if group.ends_level:
                levels.append(nn.Sequential(*blocks))
                blocks = []
        self.levels = nn.ModuleList(levels)

    def forward(self, photo: torch.Tensor) -> list[torch.Tensor]:
        features, found = self.stem(photo), []
        for level in self.levels:
            features = level(features)
            found.append(features)
        return found


class _Block(nn.Module):
    """Expands, convolves each channel by itself, projects (inverted residual)."""

    def __init__(self, before: int, after: int, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        wide = before * expansion
        widen = [] if expansion == 1 else [*conv(before, wide, kernel=1)]
        depthwise = conv(wide, wide, kernel, stride, groups=wide)
        narrow = conv(wide, after, kernel=1, active=False)
        self.layers = nn.Sequential(*widen, *depthwise, *narrow)
        self._is_residual = stride == 1 and before == after

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.layers(x)
        return x + result if self._is_residual else result


def conv(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, active: bool = True
) -> nn.Sequential:
    """Convolution, batch norm and, if `active`, ReLU."""
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    if active:
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


def _narrowed(channels: int, width: float) -> int:
    return max(8, round(channels * width / 8) * 8)
