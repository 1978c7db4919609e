import pytest
import torch

from models.crop.backbone import Backbone


def test_each_level_halves_the_one_before():
    levels = Backbone(width=0.1).eval()(torch.zeros(2, 3, 64, 96))

    assert [level.shape[2:] for level in levels] == [(8, 12), (4, 6), (2, 3)]
    assert tuple(level.shape[1] for level in levels) == Backbone(width=0.1).channels


def test_at_full_width_it_has_the_channels_of_lite0():
    assert Backbone().channels == (40, 112, 192)


@pytest.mark.parametrize("width", [0.1, 0.5, 1.0])
def test_channels_come_in_eights(width):
    convolutions = [m for m in Backbone(width).modules() if isinstance(m, torch.nn.Conv2d)]

    assert all(m.out_channels % 8 == 0 for m in convolutions)
