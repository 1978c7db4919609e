import platform

import pytest
import torch
from torch import nn

from models.crop.net import DetectorConfig, FaceDetector
from models.inpaint.generator import Generator, GeneratorConfig, window_of
from models.landmarks.net import LandmarkConfig, LandmarkNet
from models.mask.unet import UNet, UNetConfig
from models.nets import inference
from models.nets.blocks import Join
from models.nets.inference import for_inference, unfolded_conv
from models.nets.onednn import has_fast_int8
from models.nets.split_join import SplitJoin

SIZE = 128
HEADS = [f"heads.{level}.out" for level in range(4)]
NARROW = (4, 4, 8, 8)
# A processor without bfloat16 never runs a net in it.
NEEDS_BFLOAT16 = pytest.mark.skipif(
    not torch.ops.mkldnn._is_mkldnn_bf16_supported(), reason="bfloat16 needs AVX-512"
)
NEEDS_INT8 = pytest.mark.skipif(not has_fast_int8(), reason="bytes need AVX-512 VNNI")
NEEDS_X86 = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"), reason="onnxruntime is installed on x86 only"
)


def lived_in(net):
    """A net whose batch norms have statistics, as after training."""
    generator = torch.Generator().manual_seed(0)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.2, generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
            nn.init.uniform_(module.weight, 0.5, 1.5, generator=generator)
            nn.init.normal_(module.bias, 0, 0.2, generator=generator)
    return net.eval().requires_grad_(False)


def make(name):
    torch.manual_seed(0)
    if name == "crop":
        net = FaceDetector(DetectorConfig(0.1, 8, NARROW))
        entry = ("backbone.stem", "backbone.levels.0.0")
        layers = {"float32": HEADS, "entry": entry, "parts": ("encode",)}
        return lived_in(net), {"folds": {}, **layers}, 1
    if name == "mask":
        net = UNet(UNetConfig(width=4, depth=2, max_width=8))
        layers = {"float32": ("unfold", "worn"), "int8": ("down.1", "down.2", "up.0")}
        return lived_in(net), {"folds": {"fold": "down.0.0.0"}, **layers, "parts": ("forward",)}, 1
    if name == "landmarks":
        net = LandmarkNet(LandmarkConfig(NARROW, (1, 1, 1, 1), features=8))
        layers = {"float32": ("head",), "int8": [f"body.{step}" for step in range(1, 8)]}
        return lived_in(net), {"folds": {"fold": "body.0.0"}, **layers, "parts": ("encode",)}, 2
    net = Generator(GeneratorConfig(width=16, middle=16, deep=16, head=8))
    layers = {"int8": ("encode64.1", "encode16", "join64", "head.0"), "parts": ("encode", "draw")}
    return lived_in(net), {"folds": {"fold4": "encode64.0.0", "fold2": ""}, **layers}, 3


def inputs(count, batch=2):
    generator = torch.Generator().manual_seed(1)
    face = torch.rand(batch, 3, SIZE, SIZE, generator=generator) * 2 - 1
    hole = torch.zeros(batch, 1, SIZE, SIZE)
    hole[..., 60:90, 40:80] = 1
    return [face, hole, hole * 0.5][:count]


def outputs(result):
    return [result] if isinstance(result, torch.Tensor) else list(result)


FORMATS = {
    "float32": (torch.float32, False, False),
    "float32 in onnxruntime": pytest.param((torch.float32, False, True), marks=NEEDS_X86),
    "bfloat16": pytest.param((torch.bfloat16, False, False), marks=NEEDS_BFLOAT16),
    "int8": pytest.param((torch.float32, True, False), marks=NEEDS_INT8),
    "int8 in bfloat16": pytest.param(
        (torch.bfloat16, True, False), marks=[NEEDS_BFLOAT16, NEEDS_INT8]
    ),
}


@pytest.fixture(params=FORMATS.values(), ids=FORMATS)
def tolerance(request, monkeypatch):
    dtype, is_int8, is_in_sessions = request.param
    monkeypatch.setattr(inference, "fast_dtype", lambda _: dtype)
    monkeypatch.setattr(inference, "has_fast_int8", lambda: is_int8)
    monkeypatch.setattr(inference, "_are_sessions_faster", lambda *_: is_in_sessions)
    return 1e-4 if dtype == torch.float32 and not is_int8 else 0.03


@pytest.mark.parametrize("name", ["crop", "mask", "landmarks", "inpaint"])
def test_a_fast_net_answers_as_the_plain_one(name, tolerance):
    net, arguments, count = make(name)
    given = inputs(count)
    expected = outputs(net(*given))

    found = outputs(for_inference(net, **arguments)(*given))

    for one, other in zip(found, expected, strict=True):
        assert one.dtype == torch.float32
        scale = float(other.abs().max()) + 1
        torch.testing.assert_close(one, other, rtol=0, atol=tolerance * scale)


@pytest.mark.parametrize("name", ["crop", "mask", "landmarks", "inpaint"])
def test_a_picture_gets_the_same_answer_alone_and_in_a_batch(name):
    net, arguments, count = make(name)
    fast = for_inference(net, **arguments)
    given = inputs(count, batch=3)

    together = outputs(fast(*given))
    alone = outputs(fast(*(part[1:2] for part in given)))

    for batched, single in zip(together, alone, strict=True):
        torch.testing.assert_close(batched[1:2], single, rtol=0, atol=0.01)


def test_without_fused_convolutions_the_answer_is_the_same(monkeypatch):
    monkeypatch.setattr(inference, "has_fused_convolutions", lambda: False)
    monkeypatch.setattr(inference, "fast_dtype", lambda _: torch.float32)
    net, arguments, count = make("inpaint")
    given = inputs(count)
    expected = net(*given)

    torch.testing.assert_close(for_inference(net, **arguments)(*given), expected, atol=1e-4, rtol=0)


def test_no_batch_norm_is_left():
    net, arguments, _ = make("mask")

    modules = list(for_inference(net, **arguments).modules())

    assert not any(isinstance(module, nn.BatchNorm2d | nn.Identity) for module in modules)


@NEEDS_BFLOAT16
def test_points_keep_their_digits_in_bfloat16(monkeypatch):
    monkeypatch.setattr(inference, "fast_dtype", lambda _: torch.bfloat16)
    net, arguments, count = make("landmarks")
    net.mean_face.fill_(200.3)
    net.head[-1].weight.zero_()
    net.head[-1].bias.zero_()

    points = for_inference(net, **arguments)(*inputs(count))

    torch.testing.assert_close(points, torch.full_like(points, 200.3))


def test_pictures_of_several_sizes_take_turns(tolerance):
    net, arguments, _ = make("crop")
    pictures = [torch.rand(1, 3, *size) * 2 - 1 for size in [(128, 64), (64, 192), (128, 64)]]
    expected = [net(picture).boxes for picture in pictures]
    fast = for_inference(net, **arguments)

    found = [fast(picture).boxes for picture in pictures]

    for one, other in zip(found, expected, strict=True):
        scale = float(other.abs().max())
        torch.testing.assert_close(one, other, rtol=0, atol=scale * tolerance)


def test_pictures_in_several_windows_take_turns(tolerance):
    net, arguments, count = make("inpaint")
    given = inputs(count)
    windows = [(slice(32, 96), slice(16, 112)), None, (slice(64, 128), slice(0, 128))]
    expected = [net(*given, window) for window in windows]
    fast = for_inference(net, **arguments)

    found = [fast(*given, window) for window in windows]

    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=2 * tolerance)


@pytest.mark.parametrize(
    ("capability", "dtype", "expected"),
    [
        ("AVX2", torch.float32, True),
        ("AVX2", torch.bfloat16, False),
        ("AVX512", torch.float32, False),
        ("DEFAULT", torch.float32, False),
    ],
)
def test_onnxruntime_is_for_processors_with_avx2_only(monkeypatch, capability, dtype, expected):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)

    assert inference._are_sessions_faster(torch.device("cpu"), dtype) is expected


def test_the_first_layers_keep_the_digits_of_the_picture(monkeypatch):
    monkeypatch.setattr(inference, "fast_dtype", lambda _: torch.bfloat16)
    monkeypatch.setattr(inference, "has_fused_convolutions", lambda: False)
    net, arguments, _ = make("crop")
    picture = torch.rand(1, 3, 64, 64) * 2 - 1
    expected = net.backbone.levels[0][0](net.backbone.stem(picture))
    fast = for_inference(net, **arguments)

    found = fast.backbone.levels[0][0](fast.backbone.stem(picture))

    assert found.dtype == torch.bfloat16  # the next layers' type
    torch.testing.assert_close(found.float(), expected.bfloat16().float(), atol=1e-5, rtol=0.008)
    assert fast(picture).boxes.isfinite().all()


@NEEDS_BFLOAT16
def test_a_bias_keeps_its_digits_in_bfloat16(monkeypatch):
    monkeypatch.setattr(inference, "fast_dtype", lambda _: torch.bfloat16)
    net = nn.Sequential(nn.ReLU(), nn.Conv2d(1, 1, 1))
    net[1].weight.data.fill_(-200)
    net[1].bias.data.fill_(200.3)

    found = for_inference(net, folds={}, entry=["0"])(torch.ones(1, 1, 8, 8))

    torch.testing.assert_close(found.float(), torch.full((1, 1, 8, 8), 0.3), atol=0.01, rtol=0)


@pytest.mark.parametrize("kernel", [1, 3])
def test_a_fold_and_a_convolution_are_one_convolution_with_stride(kernel):
    conv = nn.Conv2d(3 * 16, 5, kernel, padding=kernel // 2).requires_grad_(False)
    picture = torch.rand(1, 3, 32, 32)

    expected = conv(nn.functional.pixel_unshuffle(picture, 4))

    torch.testing.assert_close(unfolded_conv(conv, 4)(picture), expected, atol=1e-5, rtol=0)


def test_a_split_join_answers_as_the_join_up_to_the_edges():
    join = Join(3, 2, 4).eval().requires_grad_(False)
    coarse, fine = torch.rand(2, 3, 5, 7), torch.rand(2, 2, 10, 14)
    expected = join(coarse, fine)
    join[0] = nn.utils.fusion.fuse_conv_bn_eval(join[0], join[1])

    found = SplitJoin(join).requires_grad_(False)(coarse, fine)

    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("box", [(60, 90, 40, 80), (0, 8, 0, 8), (100, 128, 0, 128)])
def test_a_window_holds_what_the_whole_picture_would_in_the_hole(box):
    net = make("inpaint")[0]
    face, hole, lines = inputs(3, batch=1)
    hole = torch.zeros_like(hole)
    hole[..., box[0] : box[1], box[2] : box[3]] = 1
    rows, columns = window_of(hole[:, 0] > 0)

    part = net(face, hole, lines, (rows, columns))

    whole = net(face, hole, lines)[..., rows, columns]
    torch.testing.assert_close(part, whole, atol=1e-5, rtol=0)
    assert part.numel() < net(face, hole, lines).numel()


def test_a_picture_without_a_hole_has_a_window_too():
    assert window_of(torch.zeros(1, 64, 64, dtype=torch.bool)) == (slice(0, 64), slice(0, 64))
