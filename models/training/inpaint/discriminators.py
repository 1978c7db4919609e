"""Discriminators: is each patch of a face photographed or painted?

Both turn each view of a face into a map of scores, > 0 where it looks photographed.
Spectral norm as in Miyato et al. 2018, arXiv:1802.05957; hinge loss.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from models.training.inpaint.features import CHANNELS

_CONTEXT = 2  # channels added to each view: hole and landmark lines


class PatchDiscriminator(nn.Module):
    """Judges pixels: PatchGAN, Isola et al. 2017, arXiv:1611.07004.

    In:   one view, float32 (B, 3 + 2, S, S): the face in [-1, 1], hole and lines.
    Out:  one map, (B, 1, S/16, S/16).
    Unlike the paper: the picture is folded by 2 first (pixel unshuffle), and no batch norm.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.PixelUnshuffle(2)]
        channels = (3 + _CONTEXT) * 4
        for outputs in (width, 2 * width, 4 * width):
            conv = nn.Conv2d(channels, outputs, 4, stride=2, padding=1)
            layers += [spectral_norm(conv), nn.LeakyReLU(0.2)]
            channels = outputs
        layers.append(spectral_norm(nn.Conv2d(channels, 1, 3, padding=1)))
        self.body = nn.Sequential(*layers)

    def forward(self, views: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        (view,) = views
        return [self.body(view)]


class FeatureDiscriminator(nn.Module):
    """Looks at features of ImageNet: Projected GAN, Sauer et al. 2021, arXiv:2111.01007.

    In:   one view per entry of `CHANNELS`, float (B, C + 2, H, W): features, hole and lines.
    Out:  one map per view, (B, 1, H, W).
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.heads = nn.ModuleList(_head(channels + _CONTEXT, width) for channels in CHANNELS)

    def forward(self, views: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        return [head(view) for head, view in zip(self.heads, views, strict=True)]


def _head(inputs: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        spectral_norm(nn.Conv2d(inputs, width, 3, padding=1)),
        nn.LeakyReLU(0.2),
        spectral_norm(nn.Conv2d(width, width, 3, padding=1)),
        nn.LeakyReLU(0.2),
        spectral_norm(nn.Conv2d(width, 1, 1)),
    )


def hinge_discriminator(
    real: Sequence[torch.Tensor], fake: Sequence[torch.Tensor], cells: Sequence[torch.Tensor]
) -> torch.Tensor:
    """Hinge loss of the discriminator: Lim and Ye 2017, arXiv:1705.02894.

    Args:
        real, fake: maps of scores, float32 (B, 1, H, W) each.
        cells: weight of each score, broadcast to these shapes.
    """
    missed = [F.relu(1 - one) + F.relu(1 + other) for one, other in zip(real, fake, strict=True)]
    return _mean(missed, cells)


def hinge_generator(fake: Sequence[torch.Tensor], cells: Sequence[torch.Tensor]) -> torch.Tensor:
    """The generator's loss against a hinge discriminator; arguments as there."""
    return -_mean(fake, cells)


def _mean(maps: Sequence[torch.Tensor], cells: Sequence[torch.Tensor]) -> torch.Tensor:
    spread = [c.expand_as(m) for m, c in zip(maps, cells, strict=True)]
    means = [(m * c).sum() / (c.sum() + 1e-3) for m, c in zip(maps, spread, strict=True)]
    return torch.stack(means).mean()
