"""Weights that bfloat16 represents exactly, so a net uses the same ones in it and in float32.

Of bfloat16's error in the detector's points, most comes from rounded weights, less from rounded
activations.
"""

import copy
from typing import TypeVar

import torch
from torch import nn

from models.nets.inference import normed_convolutions

Net = TypeVar("Net", bound=nn.Module)


@torch.no_grad()
def with_rounded_weights(net: Net) -> Net:
    """A copy whose convolutions bfloat16 represents exactly once batch norms are folded into them.

    Each batch norm's scale moves into its convolution and its statistics are adjusted, so that the
    copy answers like `net` except for the rounding, and can be trained further.

    Args:
        net: float32; convolutions without a batch norm stay as they are.
    """
    rounded = copy.deepcopy(net)
    for _, _, conv, norm in normed_convolutions(rounded):
        _round(conv, norm)
    return rounded


def _round(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    folded = (conv.weight * scale[:, None, None, None]).bfloat16()
    conv.weight.copy_(folded)
    norm.running_mean.mul_(scale)
    norm.running_var.mul_(scale**2)
    norm.weight.copy_(torch.sqrt(norm.running_var + norm.eps))  # folding it changes nothing
