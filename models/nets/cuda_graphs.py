"""Replays a net on a GPU: its kernels are recorded once and then launched all together.

A GPU runs a hundred small kernels in less time than Python takes to launch them. A graph
(https://pytorch.org/docs/stable/notes/cuda.html#cuda-graphs) takes one launch, but always works on
the same memory and batch size: a batch is filled up to the next recorded size.
"""

import threading
from bisect import bisect_left
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import nn

SIZES = (1, 2, 4, 8, 16, 32, 64)  # recorded batch sizes; larger batches are launched as usual
_MAX_GRAPHS = 32  # per net; each keeps the memory of the net's layers
_WARM_UPS = 3  # PyTorch's libraries choose their kernels in the first calls
_RECORDING = threading.Lock()  # PyTorch can record one graph at a time in a process

Net = TypeVar("Net", bound=nn.Module)
Result = Any  # a tensor, or a tuple of tensors, named or not


def with_graphs(net: Net) -> Net:
    """Makes a net replay graphs from now on; its arguments and results stay the same.

    Args:
        net: on a GPU, in eval mode. The first axis of all tensors that it takes and returns is the
            batch, and its results depend on its arguments alone.

    Returns:
        The same net. Each batch size and each shape is recorded on first use, which takes some
        tenths of a second.
    """
    net.forward = Graphs(net.forward)
    return net


class Graphs:
    """Replays a net's `forward`; several threads may call it."""

    def __init__(self, launch: Callable[..., Result]) -> None:
        self.launch = launch  # the net's kernels, one by one
        self._recorded: dict[str, _Recorded] = {}
        self._lock = threading.Lock()  # a graph's memory serves one call at a time

    @torch.inference_mode()
    def __call__(self, *args: Any) -> Result:
        given = [arg for arg in args if isinstance(arg, torch.Tensor)]
        if len(given[0]) > SIZES[-1]:
            return self.launch(*args)
        size = SIZES[bisect_left(SIZES, len(given[0]))]
        shapes = [arg.shape[1:] if isinstance(arg, torch.Tensor) else arg for arg in args]
        key = repr((size, shapes))
        with self._lock:
            if key not in self._recorded:
                if len(self._recorded) == _MAX_GRAPHS:
                    return self.launch(*args)
                with _RECORDING:
                    self._recorded[key] = _Recorded(self.launch, args, size)
            return self._recorded[key].replay(given)


class _Recorded:
    """One graph and the memory that it reads and writes."""

    def __init__(self, launch: Callable[..., Result], args: tuple[Any, ...], size: int) -> None:
        own = [_filled(arg, size) if isinstance(arg, torch.Tensor) else arg for arg in args]
        self._inputs = [arg for arg in own if isinstance(arg, torch.Tensor)]
        here = torch.cuda.current_stream()
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(here)
        with torch.cuda.stream(aside):
            for _ in range(_WARM_UPS):
                launch(*own)
        here.wait_stream(aside)
        self._graph = torch.cuda.CUDAGraph()
        # Other threads may use the GPU meanwhile, but not record: see _RECORDING.
        with torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
            self._result = launch(*own)

    def replay(self, given: list[torch.Tensor]) -> Result:
        count = len(given[0])
        for own, tensor in zip(self._inputs, given, strict=True):
            own[:count].copy_(tensor)
        self._graph.replay()
        # Copies, since the next call overwrites the results.
        if isinstance(self._result, torch.Tensor):
            return self._result[:count].clone()
        parts = [part[:count].clone() for part in self._result]
        named = hasattr(self._result, "_fields")
        return type(self._result)(*parts) if named else tuple(parts)


def _filled(tensor: torch.Tensor, size: int) -> torch.Tensor:
    """A batch of `size` copies of the first item, in memory of its own; same dtype and layout."""
    is_nhwc = tensor.dim() == 4 and tensor.is_contiguous(memory_format=torch.channels_last)
    layout = torch.channels_last if is_nhwc else torch.contiguous_format
    own = tensor.new_empty((size, *tensor.shape[1:])).contiguous(memory_format=layout)
    return own.copy_(tensor[:1].expand_as(own))
