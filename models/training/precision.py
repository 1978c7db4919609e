"""The number format in which the layers of a trained net compute."""

import torch

from models.nets.inference import fast_dtype


def mixed_precision(device: torch.device | str) -> torch.autocast:
    """A context in which layers compute in bfloat16 if the device supports it, else in float32.

    PyTorch accepts bfloat16 even where it is emulated, at ten times the time of float32.
    """
    device = torch.device(device)
    is_fast = fast_dtype(device) == torch.bfloat16
    return torch.autocast(device.type, torch.bfloat16, enabled=is_fast)
