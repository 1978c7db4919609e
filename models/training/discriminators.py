"""PatchGAN discriminator: is each patch of a face photographed or painted.

Isola et al. 2017, arXiv:1611.07004; spectral norm as in Miyato et al. 2018, arXiv:1802.05957.
In:   float32 (B, C, S, S): the face in [-1, 1], the hole and the landmark lines.
Out:  float32 (B, 1, S/16, S/16), > 0 where it looks photographed.
Unlike the paper: the picture is folded by 2 first, and there is no batch norm.
"""

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm


class PatchDiscriminator(nn.Module):
    def __init__(self, inputs: int = 5, width: int = 32) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.PixelUnshuffle(2)]
        channels = inputs * 4
        for outputs in (width, 2 * width, 4 * width):
            conv = nn.Conv2d(channels, outputs, 4, stride=2, padding=1)
            layers += [spectral_norm(conv), nn.LeakyReLU(0.2)]
            channels = outputs
        layers.append(spectral_norm(nn.Conv2d(channels, 1, 3, padding=1)))
        self.body = nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.body(x)
        return scores


def hinge_discriminator(real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
    """Hinge loss of the discriminator: Lim and Ye 2017, arXiv:1705.02894."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def hinge_generator(fake: torch.Tensor) -> torch.Tensor:
    """What the generator minimizes against a hinge discriminator."""
    return -fake.mean()
