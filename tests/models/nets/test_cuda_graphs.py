import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import NamedTuple

import pytest
import torch
from torch import nn

from models.nets import cuda_graphs
from models.nets.cuda_graphs import SIZES, with_graphs

NEEDS_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="records graphs of a GPU")


class Pair(NamedTuple):
    double: torch.Tensor
    total: torch.Tensor


class Doubler(nn.Module):
    def __init__(self):
        super().__init__()
        self.batches = []

    def forward(self, x, window=None):
        self.batches.append(len(x))
        x = x if window is None else x[:, window]
        return Pair(2 * x, x.sum(dim=1))


class Repeater(cuda_graphs._Recorded):
    """Stands in for a graph: reruns the kernels on its own memory, as a GPU would."""

    def __init__(self, launch, args, size):
        own = [cuda_graphs._filled(a, size) if isinstance(a, torch.Tensor) else a for a in args]
        self._inputs = [arg for arg in own if isinstance(arg, torch.Tensor)]
        self._result = launch(*own)

        def again():
            for kept, new in zip(self._result, launch(*own), strict=True):
                kept.copy_(new)

        self._graph = SimpleNamespace(replay=again)


@pytest.fixture
def on_a_graph(monkeypatch):
    monkeypatch.setattr(cuda_graphs, "_Recorded", Repeater)


def rows(count):
    return torch.arange(4.0 * count).reshape(count, 4)


@pytest.mark.usefixtures("on_a_graph")
def test_a_batch_is_filled_up_and_only_its_own_rows_come_out():
    net = Doubler()

    result = with_graphs(net)(rows(3))

    assert set(net.batches) == {4}
    assert isinstance(result, Pair)
    torch.testing.assert_close(result.double, 2 * rows(3))
    torch.testing.assert_close(result.total, rows(3).sum(dim=1))


@pytest.mark.usefixtures("on_a_graph")
def test_a_result_outlives_the_next_call():
    net = with_graphs(Doubler())

    first = net(rows(2))
    net(10 * rows(2))

    torch.testing.assert_close(first.double, 2 * rows(2))


@pytest.mark.usefixtures("on_a_graph")
def test_each_size_shape_and_window_is_recorded_once():
    net = with_graphs(Doubler())

    for batch in (rows(1), rows(2), rows(2), rows(2)[:, :3], rows(1)):
        net(batch)
    part = net(rows(2), slice(1, 3))

    assert len(net.forward._recorded) == 4
    torch.testing.assert_close(part.double, 2 * rows(2)[:, 1:3])


@pytest.mark.usefixtures("on_a_graph")
def test_what_is_too_large_or_one_shape_too_many_is_launched_as_ever(monkeypatch):
    monkeypatch.setattr(cuda_graphs, "_MAX_GRAPHS", 1)
    net = with_graphs(Doubler())

    for batch in (rows(SIZES[-1] + 1), rows(1), rows(2)):
        torch.testing.assert_close(net(batch).double, 2 * batch)

    assert len(net.forward._recorded) == 1


def test_two_nets_are_never_recorded_at_the_same_time(monkeypatch):
    inside, counts, met = [], [], threading.Event()

    class Slow(Repeater):
        def __init__(self, launch, args, size):
            inside.append(launch)
            counts.append(len(inside))
            if len(inside) == 2:
                met.set()
            met.wait(0.05)
            super().__init__(launch, args, size)
            inside.remove(launch)

    monkeypatch.setattr(cuda_graphs, "_Recorded", Slow)
    nets = [with_graphs(Doubler()) for _ in range(2)]

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda net: net(rows(1)), nets))

    assert counts == [1, 1]


@NEEDS_GPU
def test_a_graph_gives_what_its_kernels_give():
    net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU()).cuda().eval()
    with_graphs(net)

    for count in (1, 3, 4, 3):
        x = torch.rand(count, 3, 16, 16, device="cuda")
        torch.testing.assert_close(net(x), net.forward.launch(x))
