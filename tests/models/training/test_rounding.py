import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from models.training.rounding import with_rounded_weights


def make_net():
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Sequential(nn.Conv2d(3, 6, 3, bias=False), nn.BatchNorm2d(6), nn.ReLU()),
        nn.Conv2d(6, 2, 1),
    )
    norm = net[0][1]
    norm.running_mean.uniform_(-0.3, 0.3)
    norm.running_var.uniform_(0.1, 2)
    nn.init.uniform_(norm.weight, -1.5, 1.5)
    nn.init.uniform_(norm.bias, -0.2, 0.2)
    return net.eval()


def test_a_rounded_net_answers_nearly_the_same():
    net, picture = make_net(), torch.rand(2, 3, 8, 8)

    answer = with_rounded_weights(net)(picture)

    torch.testing.assert_close(answer, net(picture), atol=0.01, rtol=0)
    assert not torch.equal(answer, net(picture))


def test_folded_weights_lose_nothing_in_bfloat16():
    net = with_rounded_weights(make_net())

    folded = fuse_conv_bn_eval(net[0][0], net[0][1]).weight

    torch.testing.assert_close(folded.bfloat16().float(), folded, atol=0, rtol=1e-6)
    torch.testing.assert_close(folded.bfloat16().float(), net[0][0].weight, atol=0, rtol=0)


def test_the_given_net_and_convolutions_without_a_norm_stay():
    net = make_net()
    before = {name: value.clone() for name, value in net.state_dict().items()}

    rounded = with_rounded_weights(net)

    torch.testing.assert_close(net.state_dict(), before, atol=0, rtol=0)
    torch.testing.assert_close(rounded[1].state_dict(), net[1].state_dict(), atol=0, rtol=0)


def test_a_rounded_net_rounds_to_itself():
    once = with_rounded_weights(make_net())

    twice = with_rounded_weights(once)

    torch.testing.assert_close(twice.state_dict(), once.state_dict(), atol=0, rtol=1e-6)
