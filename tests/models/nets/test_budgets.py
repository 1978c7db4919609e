import dataclasses
import shutil

import pytest
import torch
from torch import nn

from models.checkpoint import load_manifest, save_manifest
from models.errors import WeightsError
from models.nets.budgets import FACE_BUDGET_GMAC, NETS, cost_of, count_mac, gmac_of


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


def shipped(name):
    return NETS[name].net_class(NETS[name].config_class())


@pytest.mark.parametrize("name", NETS)
def test_a_net_keeps_to_its_budget(name):
    assert 0 < gmac_of(name, shipped(name)) <= NETS[name].budget_gmac


def test_the_nets_of_a_face_together_keep_to_their_budget():
    a_face = sum(gmac_of(name, shipped(name)) for name in NETS if name != "crop")

    assert a_face <= FACE_BUDGET_GMAC


def test_the_cost_is_that_of_the_pinned_file(tiny_weights):
    cost = cost_of(load_manifest(tiny_weights), "mask")

    size = (tiny_weights / "mask.safetensors").stat().st_size
    assert cost.megabytes == pytest.approx(size / 1e6)
    assert 0 < cost.gmac < gmac_of("mask", shipped("mask"))


def test_a_wrong_size_in_the_manifest_is_refused(tiny_weights, tmp_path):
    shutil.copytree(tiny_weights, tmp_path / "weights")
    manifest = load_manifest(tmp_path / "weights")
    manifest.entries["mask"] = dataclasses.replace(manifest.entries["mask"], size=1)
    save_manifest(manifest)

    with pytest.raises(WeightsError, match="size differs"):
        cost_of(load_manifest(tmp_path / "weights"), "mask")
