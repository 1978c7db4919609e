import pytest
import torch
from torch import nn

from models.nets.onednn import Int8Conv, has_fast_int8

pytestmark = pytest.mark.skipif(not has_fast_int8(), reason="bytes need AVX-512 VNNI")


def make_conv(**options):
    torch.manual_seed(0)
    return nn.Conv2d(32, 24, 3, padding=options.get("dilation", 1), **options).requires_grad_(False)


def picture(batch=1, low=-1.0, high=1.0):
    generator = torch.Generator().manual_seed(1)
    return torch.rand(batch, 32, 20, 28, generator=generator) * (high - low) + low


@pytest.mark.parametrize("options", [{}, {"stride": 2}, {"dilation": 4}, {"bias": False}])
@pytest.mark.parametrize("ends", [(-1.0, 1.0), (0.5, 3.0), (-90.0, -80.0), (-0.3, 1e4)])
def test_it_answers_as_the_convolution_does(options, ends):
    conv, given = make_conv(**options), picture(1, *ends)

    found = Int8Conv(conv, "none")(given)

    expected = conv(given)
    error = (found - expected).square().mean().sqrt()
    assert found.dtype == torch.float32
    assert error < 0.01 * max(map(abs, ends))


def test_in_bfloat16_only_the_ends_are_rounded_to_it():
    conv, given = make_conv(), picture().bfloat16()

    found = Int8Conv(conv, "none", torch.bfloat16)(given)

    assert found.dtype == torch.bfloat16
    assert torch.equal(found, Int8Conv(conv, "none")(given.float()).bfloat16())


def test_activation_comes_after_the_bias():
    conv, given = make_conv(), picture()

    found = Int8Conv(conv, "swish")(given)

    torch.testing.assert_close(found, nn.functional.silu(conv(given)), atol=0.03, rtol=0)


def test_a_picture_gets_its_own_answer_beside_a_brighter_one():
    conv, given = Int8Conv(make_conv(), "none"), picture(3)
    given[0] *= 100

    together = conv(given)

    assert torch.equal(together[1:2], conv(given[1:2]))


@pytest.mark.parametrize("fraction", torch.linspace(0, 1, 21).tolist())
def test_the_largest_value_does_not_wrap(fraction):
    identity = nn.Conv2d(1, 1, 1, bias=False).requires_grad_(False)
    identity.weight.fill_(1)
    given = torch.tensor([-10 - fraction, 0, 244 - fraction]).view(1, 1, 1, 3)

    torch.testing.assert_close(Int8Conv(identity, "none")(given), given, atol=0.6, rtol=0)


def test_nothing_in_gives_the_bias_out():
    conv = make_conv()
    conv.weight[0] = 0

    found = Int8Conv(conv, "none")(torch.zeros(1, 32, 8, 8))

    expected = conv.bias.view(1, -1, 1, 1).expand_as(found)
    torch.testing.assert_close(found, expected)


def test_it_takes_sizes_in_turns():
    conv = make_conv()
    fast = Int8Conv(conv, "none")
    given = [picture()[..., :side, :] for side in (8, 20, 8)]

    found = [fast(part) for part in given]

    for part, one in zip(given, found, strict=True):
        torch.testing.assert_close(one, conv(part), atol=0.03, rtol=0)
