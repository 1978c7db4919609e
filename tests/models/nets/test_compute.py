import pytest
import torch
from torch import nn

from models.nets.compute import count_mac


@pytest.mark.parametrize(
    ("layer", "given", "expected"),
    [
        (nn.Conv2d(3, 8, 3, padding=1), (1, 3, 10, 10), 100 * 8 * 3 * 9),
        (nn.Conv2d(8, 8, 3, stride=2, padding=1, groups=4), (2, 8, 10, 10), 2 * 25 * 8 * 2 * 9),
        (nn.ConvTranspose2d(6, 4, 2, stride=2), (1, 6, 5, 5), 25 * 6 * 4 * 4),
        (nn.Linear(7, 5), (3, 7), 3 * 7 * 5),
    ],
)
def test_a_layer_counts_its_exact_multiplies(layer, given, expected):
    assert count_mac(layer, torch.zeros(given)) == expected


def test_a_net_counts_the_sum_of_its_layers_each_time_it_is_used():
    shared = nn.Conv2d(2, 2, 1)
    net = nn.Sequential(shared, nn.ReLU(), shared)

    assert count_mac(net, torch.zeros(1, 2, 4, 4)) == 2 * 16 * 4


def test_counting_leaves_each_layer_in_its_mode():
    net = nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1), nn.BatchNorm2d(1))
    net[2].eval()
    before = net[1].running_mean.clone()

    count_mac(net, torch.ones(1, 1, 4, 4))

    assert [layer.training for layer in (net, *net)] == [True, True, True, False]
    assert torch.equal(net[1].running_mean, before)
