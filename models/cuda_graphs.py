"""Replays a net on a GPU: its kernels are recorded once and from then on launched all at once.

A net of a hundred small kernels takes the GPU less time than Python takes to launch them. A graph
(https://pytorch.org/docs/stable/notes/cuda.html#cuda-graphs) takes one launch, but always works on
the same memory and on one size of batch: a batch is filled up to the next size that is recorded.
"""

import threading
from bisect import bisect_left
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import nn

SIZES = (1, 2, 4, 8, 16, 32, 64)  # of batches that are recorded; larger ones are launched as ever
_MAX_GRAPHS = 32  # of one net: each keeps the memory of its layers
_WARM_UPS = 3  # PyTorch's libraries choose their kernels in the first calls

Net = TypeVar("Net", bound=nn.Module)
Result = Any  # a tensor, or a tuple of tensors, named or not


def with_graphs(net: Net) -> Net:
    """Lets a net replay graphs from now on; what it takes and gives stays the same.

    Args:
        net: on a GPU, in eval mode. The first axis of all tensors that it takes and gives is the
            batch, and its results depend on nothing but its arguments.

    Returns:
        The same net. Each size of batch, and each shape, is recorded when it first comes, which
        takes some tenths of a second.
    """
    net.forward = Graphs(net.forward)
    return net


class Graphs:
    """A net's `forward` as graphs; several threads may call it."""

    def __init__(self, launch: Callable[..., Result]) -> None:
        self.launch = launch  # the kernels one by one
        self._recorded: dict[str, _Recorded] = {}
        self._lock = threading.Lock()  # the memory of a graph is for one call at a time

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
        # Other threads may use the GPU meanwhile.
        with torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
            self._result = launch(*own)

    def replay(self, given: list[torch.Tensor]) -> Result:
        count = len(given[0])
        for own, tensor in zip(self._inputs, given, strict=True):
            own[:count].copy_(tensor)
        self._graph.replay()
        # Copies, since the next call writes over them.
        if isinstance(self._result, torch.Tensor):
            return self._result[:count].clone()
        parts = [part[:count].clone() for part in self._result]
        named = hasattr(self._result, "_fields")
        return type(self._result)(*parts) if named else tuple(parts)


def _filled(tensor: torch.Tensor, size: int) -> torch.Tensor:
    """A batch of that size in memory of its own, of the same shape, format and layout."""
    is_last = tensor.dim() == 4 and tensor.is_contiguous(memory_format=torch.channels_last)
    layout = torch.channels_last if is_last else torch.contiguous_format
    own = tensor.new_empty((size, *tensor.shape[1:])).contiguous(memory_format=layout)
    return own.copy_(tensor[:1].expand_as(own))
