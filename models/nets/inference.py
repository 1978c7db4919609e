"""Makes a loaded net fast: the same function in fewer and cheaper steps, on the net's own layers.

- Batch norm is folded into the convolution before it, an activation is fused into oneDNN's
  convolution, and a fold (pixel unshuffle) becomes a convolution of that stride.
- Layers compute in bfloat16 where the processor multiplies it (twice the rate of float32), in
  float32 elsewhere; inner ones in bytes (three times the rate) where it multiplies those.
- Pictures are kept channels last from the fold on, weights in the order that the processor's
  kernels read (onednn.py). With AVX2 only, onnxruntime does all that faster (sessions.py).
- On a GPU, the net's kernels are replayed as one graph (cuda_graphs.py).

It needs no compiler and takes milliseconds.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from models.nets.blocks import Join
from models.nets.cuda_graphs import with_graphs
from models.nets.onednn import FusedConv, Int8Conv, has_fast_int8, has_fused_convolutions
from models.nets.split_join import SplitJoin
from models.parallel import on_one_thread

Net = TypeVar("Net", bound=nn.Module)

_ACTIVATIONS: Mapping[type[nn.Module], str] = {nn.SiLU: "swish", nn.ReLU: "relu"}  # oneDNN's names


def for_inference(
    net: Net,
    folds: Mapping[str, str],
    float32: Sequence[str] = (),
    entry: Sequence[str] = (),
    int8: Sequence[str] = (),
    parts: Sequence[str] = (),
) -> Net:
    """Rebuilds a net from `load_net` in place; it can't be trained or saved afterwards.

    Args:
        net: in eval mode, float32; its inputs and outputs stay float32.
        folds: names of its pixel unshuffles, each with the name of the convolution that takes
            exactly its output, or "" if there is more between them.
        float32: names of modules that compute in float32 everywhere: coordinates and
            probabilities need more precision than bfloat16 has.
        entry: names of the first layers, if there is no fold. On a CPU they compute in float32:
            what is lost here is missing in all later layers.
        int8: names of modules whose convolutions may multiply bytes where the processor is faster
            at that. Not for the first layers or those that draw.
        parts: names of methods, or "forward", that may run in onnxruntime: they take and return
            pictures only.

    Returns:
        The same net.
    """
    device = next(net.parameters()).device
    dtype = fast_dtype(device)
    threads = torch.get_num_threads()
    with on_one_thread():
        _merge_layers(net, folds, device, dtype)
        if parts and _are_sessions_faster(device, dtype):
            # Imported here, since it takes a tenth of a second that other machines don't need.
            from models.nets.sessions import with_sessions

            _drop_identities(net)
            return with_sessions(net.eval().requires_grad_(False), parts, threads)
        if entry:
            _convert_entry(net, entry, device, dtype)
        if dtype != torch.float32:
            for name in float32:
                net.set_submodule(name, _InFloat32(net.get_submodule(name)))
        if device.type == "cpu" and has_fused_convolutions():
            _fuse_activations(net, _convolutions_in(net, int8) if has_fast_int8() else set(), dtype)
        _convert(net, dtype)
        _drop_identities(net)
        net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        net.eval().requires_grad_(False)
        return with_graphs(net) if device.type == "cuda" else net


def _merge_layers(
    net: nn.Module, folds: Mapping[str, str], device: torch.device, dtype: torch.dtype
) -> None:
    _fold_batch_norms(net)
    for fold, conv in folds.items():
        _merge_fold(net, fold, conv, dtype)
    if device.type == "cpu":
        _split_joins(net)


def _convert_entry(
    net: nn.Module, entry: Sequence[str], device: torch.device, dtype: torch.dtype
) -> None:
    if device.type != "cpu" or dtype == torch.float32:
        _put_before(net, entry[0], _ToLayers(dtype))
        return
    _put_before(net, entry[0], _ToLayers(torch.float32))
    for name in entry:
        net.set_submodule(name, _InFloat32(net.get_submodule(name)))
    _put_after(net, entry[-1], _ToLayers(dtype))


def _put_before(net: nn.Module, name: str, step: nn.Module) -> None:
    net.set_submodule(name, nn.Sequential(step, net.get_submodule(name)))


def _put_after(net: nn.Module, name: str, step: nn.Module) -> None:
    net.set_submodule(name, nn.Sequential(net.get_submodule(name), step))


def fast_dtype(device: torch.device) -> torch.dtype:
    """The dtype in which the device computes fastest at sufficient precision."""
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        # oneDNN also takes bfloat16 where it must emulate it, which is slower than float32.
        fast = device.type == "cpu" and (
            torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
        )
    return torch.bfloat16 if fast else torch.float32


def _are_sessions_faster(device: torch.device, dtype: torch.dtype) -> bool:
    has_avx2_only = torch.backends.cpu.get_cpu_capability() == "AVX2"
    return device.type == "cpu" and dtype == torch.float32 and has_avx2_only


class _ToLayers(nn.Module):
    """Converts the picture to what the layers take: their dtype, channels last."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.dtype = dtype

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.to(self.dtype, memory_format=torch.channels_last)


class _InFloat32(nn.Module):
    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = nn.Sequential(module)  # so that the passes below find a convolution

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.module(x.float())
        return result


def normed_convolutions(
    net: nn.Module,
) -> Iterator[tuple[nn.Sequential, int, nn.Conv2d, nn.BatchNorm2d]]:
    """Each convolution followed by a batch norm: their sequence, its index there, and the two."""
    for block in _sequences(net):
        for index in range(len(block) - 1):
            conv, norm = block[index], block[index + 1]
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                yield block, index, conv, norm


def _fold_batch_norms(net: nn.Module) -> None:
    for block, index, conv, norm in normed_convolutions(net):
        block[index] = fuse_conv_bn_eval(conv, norm)
        block[index + 1] = nn.Identity()


def _split_joins(net: nn.Module) -> None:
    for name, module in list(net.named_modules()):
        if isinstance(module, Join):
            net.set_submodule(name, SplitJoin(module))


def _merge_fold(net: nn.Module, name: str, conv_name: str, dtype: torch.dtype) -> None:
    fold = net.get_submodule(name)
    assert isinstance(fold, nn.PixelUnshuffle)
    if not conv_name:
        net.set_submodule(name, nn.Sequential(_ToLayers(dtype), fold))
        return
    conv = net.get_submodule(conv_name)
    assert isinstance(conv, nn.Conv2d)
    net.set_submodule(name, _ToLayers(dtype))
    net.set_submodule(conv_name, unfolded_conv(conv, fold.downscale_factor))


def unfolded_conv(conv: nn.Conv2d, factor: int) -> nn.Conv2d:
    """The convolution that does to a picture what `conv` does to its pixel unshuffle.

    Args:
        conv: of stride 1, neither grouped nor dilated.
        factor: of the unshuffle; becomes the stride.
    """
    outputs, folded, rows, columns = conv.weight.shape
    channels = folded // factor**2
    weight = conv.weight.view(outputs, channels, factor, factor, rows, columns)
    weight = weight.permute(0, 1, 4, 2, 5, 3)  # row = row of the kernel * factor + row in the fold
    padding = [int(side) * factor for side in conv.padding]
    result = nn.Conv2d(
        channels, outputs, (rows * factor, columns * factor), factor, (padding[0], padding[1])
    )
    kernel = weight.reshape(outputs, channels, rows * factor, columns * factor)
    result.weight = nn.Parameter(kernel.contiguous(memory_format=torch.channels_last))
    result.bias = conv.bias
    return result


def _convert(module: nn.Module, dtype: torch.dtype) -> None:
    """Converts layers only: a buffer such as the mean face keeps its precision."""
    if isinstance(module, _InFloat32):
        return
    if isinstance(module, FusedConv):
        # Its bias stays float32: oneDNN adds it to the sums before rounding them, at no cost.
        module.weight = nn.Parameter(module.weight.to(dtype))
    elif isinstance(module, nn.Conv2d | nn.Linear):
        module.to(dtype)
    for child in module.children():
        _convert(child, dtype)


def _convolutions_in(net: nn.Module, names: Sequence[str]) -> set[nn.Module]:
    inside = (module for name in names for module in net.get_submodule(name).modules())
    return {module for module in inside if isinstance(module, nn.Conv2d)}


def _fuse_activations(net: nn.Module, int8: set[nn.Module], dtype: torch.dtype) -> None:
    for block in _sequences(net):
        for index, conv in enumerate(block):
            if isinstance(conv, nn.Conv2d):
                follower = _next_layer(block, index)
                word = _ACTIVATIONS.get(type(block[follower]), "none") if follower else "none"
                if follower and word != "none":
                    block[follower] = nn.Identity()
                is_int8 = conv in int8
                block[index] = Int8Conv(conv, word, dtype) if is_int8 else FusedConv(conv, word)


def _next_layer(block: nn.Sequential, index: int) -> int | None:
    """Index of the first module after `index` that does something."""
    rest = range(index + 1, len(block))
    return next((later for later in rest if not isinstance(block[later], nn.Identity)), None)


def _drop_identities(net: nn.Module) -> None:
    """Each call of a module that does nothing still costs a microsecond or two."""
    for block in _sequences(net):
        for index in reversed(range(len(block))):
            if isinstance(block[index], nn.Identity):
                del block[index]


def _sequences(net: nn.Module) -> list[nn.Sequential]:
    return [module for module in net.modules() if isinstance(module, nn.Sequential)]
