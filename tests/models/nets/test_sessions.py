import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from models.nets.blocks import Join, SqueezeExcitation
from models.nets.split_join import SplitJoin

onnxruntime = pytest.importorskip("onnxruntime", reason="it is installed on x86 only")
onnx_graph = pytest.importorskip("models.nets.onnx_graph")
sessions = pytest.importorskip("models.nets.sessions")


ROOT = Path(__file__).resolve().parents[3]


class Steps(nn.Module):
    """Has each kind of layer and function that a part may have."""

    def __init__(self):
        super().__init__()
        self.wide = nn.Sequential(
            nn.Conv2d(3, 4, 3, stride=2, padding=2, dilation=2), nn.SiLU(), nn.Identity()
        )
        self.grouped = nn.Sequential(
            nn.Conv2d(4, 4, (3, 1), padding=(1, 0), groups=2, bias=False), nn.ReLU()
        )
        self.excite = SqueezeExcitation(4)
        join = Join(4, 3, 4).eval()
        join[0] = fuse_conv_bn_eval(join[0], join[1])
        self.join = SplitJoin(join)
        self.spread = nn.Sequential(nn.Conv2d(8, 12, 1), nn.PixelShuffle(2))
        self.worn = nn.Linear(8, 2)

    def forward(self, picture):
        return nn.functional.silu(self.wide(picture))

    def both(self, picture, other):
        x = self.wide(picture).to(memory_format=torch.channels_last)
        x = x + self.excite(self.grouped(x))
        pooled = torch.cat([x.mean(dim=(2, 3)), x.amax(dim=(2, 3))], dim=1)
        up = nn.functional.interpolate(x, scale_factor=2.0)
        joined = torch.cat([self.join(x, other), up], dim=1)
        return self.spread(joined), self.worn(pooled)[:, 0]


class Unknown(nn.Module):
    def __init__(self):
        super().__init__()
        self.pool = nn.MaxPool2d(2)

    def layer(self, x):
        return self.pool(x)

    def function(self, x):
        return torch.tanh(x)

    def method(self, x):
        return x.flatten()

    def index(self, x):
        return x[:, 1:]

    def resizing(self, x):
        return nn.functional.interpolate(x, scale_factor=3.0)


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def net():
    torch.manual_seed(0)
    return Steps().eval().requires_grad_(False)


def pictures(height=12, width=16, batch=2):
    generator = torch.Generator().manual_seed(1)
    shape = batch, 3, height, width
    return [torch.rand(shape, generator=generator) * 2 - 1 for _ in range(2)]


@pytest.mark.parametrize("shape", [(12, 16, 2), (8, 20, 1)])
def test_a_part_does_what_the_method_does(net, shape):
    given = pictures(*shape)
    expected = net.both(*given)

    found = sessions.Part(net, "both", threads=1)(*given)

    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)


def test_pictures_of_several_sizes_take_turns(net):
    part = sessions.Part(net, "both", threads=1)

    for shape in [(12, 16, 2), (8, 20, 1), (12, 16, 3)]:
        for one, other in zip(part(*pictures(*shape)), net.both(*pictures(*shape)), strict=True):
            torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)


def test_a_picture_may_be_part_of_a_larger_one_in_any_memory_format(net):
    whole = pictures(20, 24)[0].to(memory_format=torch.channels_last)
    cut = whole[..., 4:16, 2:18]
    expected = net(cut)

    found = sessions.Part(net, "forward", threads=1)(cut)

    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_a_net_runs_the_named_parts_in_sessions(net):
    given = pictures()
    expected = net(given[0]), *net.both(*given)

    result = sessions.with_sessions(net, ["forward", "both"], threads=1)

    assert result is net
    assert isinstance(net.both, sessions.Part)
    for one, other in zip((net(given[0]), *net.both(*given)), expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)


def test_a_call_uses_as_many_threads_as_pytorch(net, monkeypatch):
    started = []

    class Session(onnxruntime.InferenceSession):
        def __init__(self, model, options, providers):
            started.append(options.intra_op_num_threads)
            super().__init__(model, options, providers)

    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    part = sessions.Part(net, "forward", threads=1)
    expected = part(pictures()[0])
    torch.set_num_threads(2)

    found = [part(pictures()[0]) for _ in range(2)]

    assert started == [1, 2]
    torch.testing.assert_close(found, [expected] * 2, atol=1e-5, rtol=1e-5)


def test_several_threads_may_call_a_part(net):
    part = sessions.Part(net, "both", threads=1)
    given = [pictures(8, 4 * width) for width in range(1, 9)]
    expected = [net.both(*pair) for pair in given]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda pair: part(*pair), given))

    for ours, theirs in zip(found, expected, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)


RUNS = """
import torch
from models.nets.sessions import Part

net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1)).eval().requires_grad_(False)
Part(net, "forward", 1)(torch.zeros(1, 3, 8, 8))
"""


def test_onnxruntime_keeps_no_files_and_reports_nothing(tmp_path):
    places = dict.fromkeys(("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_DATA_HOME"), str(tmp_path))

    subprocess.run([sys.executable, "-c", RUNS], env=os.environ | places, cwd=ROOT, check=True)

    assert list(tmp_path.rglob("*")) == []  # it would keep what it is about to report


@pytest.mark.parametrize(
    ("method", "name"),
    [
        ("layer", "MaxPool2d"),
        ("function", "tanh"),
        ("method", "flatten"),
        ("index", "slice"),
        ("resizing", "interpolate"),
    ],
)
def test_what_cannot_be_written_is_named(method, name):
    with pytest.raises(NotImplementedError, match=name):
        onnx_graph.to_onnx(Unknown(), method)
