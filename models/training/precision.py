"""In which number format the layers of a trained net compute."""

import torch

from models.inference import fast_dtype


def mixed_precision(device: torch.device | str) -> torch.autocast:
    """A context in which layers compute in bfloat16 where the device has it, else in float32.

    PyTorch also takes bfloat16 where it has to emulate it, at ten times the time of float32.
    """
    device = torch.device(device)
    is_fast = fast_dtype(device) == torch.bfloat16
    return torch.autocast(device.type, torch.bfloat16, enabled=is_fast)
