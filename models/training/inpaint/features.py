"""What a net trained on ImageNet sees in a picture: edges, textures, parts.

Pictures that look alike to people are close in these features, unlike in pixels: Zhang et al.
2018, arXiv:1801.03924.
In:   float32 (B, 3, S, S), RGB in [-1, 1], S divisible by 16.
Out:  maps of `CHANNELS` channels at 1/4, 1/8 and 1/16 of the side.
"""

from collections.abc import Sequence
from typing import Self

import torch
import torch.nn.functional as F
from torch import nn

from models.crop.backbone import Backbone
from models.training.pretrained import load_pretrained

CHANNELS = (24, 40, 112)
_QUARTER = 3  # blocks of the first level that work at a quarter of the side


class Features(nn.Module):
    """The first two levels of EfficientNet-Lite0; never trained.

    Raises:
        PretrainedError: the package with the weights isn't installed.
    """

    def __init__(self) -> None:
        super().__init__()
        backbone = Backbone()
        load_pretrained(backbone)
        first, second, _ = backbone.levels
        assert isinstance(first, nn.Sequential)
        to_quarter = nn.Sequential(backbone.stem, first[:_QUARTER])
        self.parts = nn.ModuleList([to_quarter, first[_QUARTER:], second])
        self.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> Self:  # noqa: ARG002
        return super().train(False)

    def forward(self, picture: torch.Tensor) -> list[torch.Tensor]:
        maps = []
        for part in self.parts:
            picture = part(picture)
            maps.append(picture)
        return maps


def feature_distance(
    painted: Sequence[torch.Tensor], truth: Sequence[torch.Tensor], hole: torch.Tensor
) -> torch.Tensor:
    """Mean absolute difference of the maps at the hole, in standard deviations of the truth.

    Args:
        painted, truth: maps of `Features`.
        hole: float32 (B, 1, S, S), 1 = painted.

    Returns:
        A scalar: the sum over the maps.
    """
    total = hole.new_zeros(())
    for one, other in zip(painted, truth, strict=True):
        spread = other.float().std(dim=(0, 2, 3), keepdim=True) + 1e-3
        touched = (F.interpolate(hole, other.shape[-2:], mode="area") > 0).float()
        off = (one - other).float().abs() / spread * touched
        total = total + off.sum() / (touched.sum() * other.shape[1] + 1)
    return total
