"""Weights that bfloat16 holds exactly: in it and in float32 a net then computes with the same ones.

Of the error that bfloat16 makes in the detector's points, the rounded weights are the larger part,
the rounded pictures between the layers the smaller one.
"""

import copy
from typing import TypeVar

import torch
from torch import nn

from models.inference import normed_convolutions

Net = TypeVar("Net", bound=nn.Module)


@torch.no_grad()
def with_rounded_weights(net: Net) -> Net:
    """A copy whose convolutions bfloat16 holds exactly, once the batch norm after each is folded.

    The batch norm's scale goes into the convolution, its statistics follow, so that the copy
    answers as `net` does but for the rounding, and can be trained on.

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
