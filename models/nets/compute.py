"""Counts the multiply-accumulates of a net, the unit of the compute budgets."""

import torch
from torch import nn


def count_mac(net: nn.Module, *example_inputs: torch.Tensor) -> int:
    """Multiply-accumulates of one forward pass over the example inputs.

    Args:
        net: any net; its convolutions and linear layers are counted, nothing else.
        example_inputs: what `net` is called with, at service size.

    Returns:
        Exact count for Conv2d, ConvTranspose2d and Linear, summed over the batch.
    """
    total = 0

    def count(module: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        nonlocal total
        total += _layer_mac(module, inputs[0], output)

    counted = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
    hooks = [m.register_forward_hook(count) for m in net.modules() if isinstance(m, counted)]
    training = [module for module in net.modules() if module.training]
    try:
        with torch.no_grad():
            net.eval()(*example_inputs)
    finally:
        for module in training:
            module.training = True
        for hook in hooks:
            hook.remove()
    return total


def _layer_mac(module: nn.Module, given: torch.Tensor, output: torch.Tensor) -> int:
    if isinstance(module, nn.Linear):
        return output.numel() * module.in_features
    if isinstance(module, nn.ConvTranspose2d):
        # Each input value is spread over the kernel in each output channel of its group.
        kernel = module.kernel_size[0] * module.kernel_size[1]
        return given.numel() * kernel * (module.out_channels // module.groups)
    assert isinstance(module, nn.Conv2d)
    kernel = module.kernel_size[0] * module.kernel_size[1]
    return output.numel() * kernel * (module.in_channels // module.groups)
