import pytest
import torch
from torch import nn

from models.training import precision
from models.training.precision import mixed_precision


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_layers_compute_in_what_the_device_is_fast_in(monkeypatch, dtype):
    monkeypatch.setattr(precision, "fast_dtype", lambda device: dtype)  # noqa: ARG005

    with mixed_precision("cpu"):
        result = nn.Linear(4, 4)(torch.ones(1, 4))

    assert result.dtype == dtype
