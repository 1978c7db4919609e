"""oneDNN's convolutions on x86, called the way torch.compile calls them (torch 2.1 and later).

Each applies the activation that follows it in the same pass over memory, and has its weights
reordered in advance for the processor's kernels.
"""

from functools import lru_cache

import cv2
import torch
from torch import nn

_ORDERS = 8  # reordered weights that a convolution caches: one per input shape and thread count
_INPUT_STEPS = 254  # of a byte's 255: one is spare, for rounding the zero point
_WEIGHT_STEPS = 127  # of a signed byte, symmetric around 0
_LEAST = 1e-9  # smallest range of values: avoids a division by zero


def has_fused_convolutions() -> bool:
    """Whether `FusedConv` works here."""
    is_x86 = torch.backends.cpu.get_cpu_capability().startswith("AVX")
    operators = ("_convolution_pointwise", "_reorder_convolution_weight")
    return is_x86 and all(hasattr(torch.ops.mkldnn, name) for name in operators)


def has_fast_int8() -> bool:
    """Whether `Int8Conv` works here and is the fastest choice.

    It is where the processor multiplies four pairs of bytes at once (AVX-512 VNNI), but not whole
    tiles of bfloat16 (AMX).
    """
    operators = ("qconv2d_pointwise", "qconv_prepack")
    has_operators = all(hasattr(torch.ops.onednn, name) for name in operators)
    has_vnni, has_tiles = torch.cpu._is_vnni_supported(), torch.cpu._is_amx_tile_supported()
    return has_operators and has_vnni and not has_tiles


class _OrderedConv(nn.Module):
    """A convolution that keeps its weights in oneDNN's own layout.

    Otherwise oneDNN reorders them in each call, which takes a twentieth of the time. The layout
    that is best for one shape or thread count may leave another without a fast kernel.
    """

    def __init__(self, conv: nn.Conv2d, activation: str) -> None:
        super().__init__()
        self.bias, self.groups, self.activation = conv.bias, conv.groups, activation
        self.padding, self.stride = list(conv.padding), list(conv.stride)
        self.dilation = list(conv.dilation)
        self._kept = lru_cache(_ORDERS)(lambda shape, threads: self._order(list(shape)))  # noqa: ARG005

    def _ordered_for(self, x: torch.Tensor) -> torch.Tensor:
        return self._kept(x.shape, torch.get_num_threads())

    def _order(self, shape: list[int]) -> torch.Tensor:
        raise NotImplementedError


class FusedConv(_OrderedConv):
    """A convolution in the dtype of its weights, with its activation.

    Args:
        conv: its weights are float32 or bfloat16.
        activation: oneDNN's name for it: none, relu or swish.
    """

    def __init__(self, conv: nn.Conv2d, activation: str) -> None:
        super().__init__(conv, activation)
        self.weight = conv.weight

    def _order(self, shape: list[int]) -> torch.Tensor:
        ordered: torch.Tensor = torch.ops.mkldnn._reorder_convolution_weight.default(
            self.weight, self.padding, self.stride, self.dilation, self.groups, shape
        )
        return ordered

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.contiguous(memory_format=torch.channels_last)
        result: torch.Tensor = torch.ops.mkldnn._convolution_pointwise.default(
            x,
            self._ordered_for(x),
            self.bias,
            self.padding,
            self.stride,
            self.dilation,
            self.groups,
            self.activation,
            [],
            "",
        )
        return result


class Int8Conv(_OrderedConv):
    """An int8 convolution with its activation; takes float32 and bfloat16.

    Weights are quantised per output channel, to 255 levels scaled to the channel's largest one.
    Inputs are quantised as they come, to 255 levels between the picture's own minimum and maximum:
    nothing to calibrate, and no picture is out of range. Each picture of a batch is quantised by
    the range of what the layer receives of it, so a part of a picture (see `window_of`) is rounded
    slightly differently from the whole. Jacob et al. 2018, arXiv:1712.05877.

    Args:
        conv: float32.
        activation: oneDNN's name for it: none, relu or swish.
        gives: dtype of the result, float32 or bfloat16.
    """

    def __init__(
        self, conv: nn.Conv2d, activation: str, gives: torch.dtype = torch.float32
    ) -> None:
        super().__init__(conv, activation)
        self._gives = gives
        weight = conv.weight.detach()
        largest = weight.abs().amax(dim=(1, 2, 3))
        self._steps = largest.clamp(min=_LEAST) / _WEIGHT_STEPS
        self._codes = (weight / self._steps[:, None, None, None]).round().to(torch.int8)
        self._zeros = torch.zeros(len(largest), dtype=torch.int32)

    def _order(self, shape: list[int]) -> torch.Tensor:
        # The result fits any step of the input, and any zero point but 0.
        ordered: torch.Tensor = torch.ops.onednn.qconv_prepack.default(
            self._codes,
            self._steps,
            1.0,
            1,
            self.stride,
            self.padding,
            self.dilation,
            self.groups,
            shape,
        )
        return ordered

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if len(x) > 1:
            return torch.cat([self(picture[None]) for picture in x])
        codes, step, zero = _rounded(x)
        result: torch.Tensor = torch.ops.onednn.qconv2d_pointwise.default(
            codes,
            step,
            zero,
            self._ordered_for(x),
            self._steps,
            self._zeros,
            self.bias,
            self.stride,
            self.padding,
            self.dilation,
            self.groups,
            1.0,
            0,
            self._gives,
            self.activation,
            [],
            "",
        )
        return result


def _rounded(x: torch.Tensor) -> tuple[torch.Tensor, float, int]:
    """Quantises values as step * (code - zero).

    Returns:
        Codes (uint8, channels last), step and zero.
    """
    values = x.permute(0, 2, 3, 1).contiguous()
    least, largest = (float(end) for end in values.aminmax())
    least, largest = min(least, 0.0), max(largest, 0.0)  # the padding's 0 must be exact
    step = max(largest - least, _LEAST) / _INPUT_STEPS
    zero = max(round(-least / step), 1)  # the weights are prepared for a zero point other than 0
    flat = values.float().view(-1).numpy()  # bfloat16 would round twice: its steps are too large
    # Scales, adds and rounds in one pass, in a sixth of the time of PyTorch's two.
    codes = torch.from_numpy(cv2.convertScaleAbs(flat, alpha=1 / step, beta=zero))
    return codes.view(values.shape).permute(0, 3, 1, 2), step, zero
