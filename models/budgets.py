"""Which nets there are, what each may cost, and what each does cost."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from models.compute import count_mac
from models.crop.detect import THUMB_PX
from models.crop.frame import FRAME_PX
from models.crop.net import DetectorConfig, FaceDetector
from models.inpaint.generator import Generator, GeneratorConfig
from models.landmarks.net import LandmarkConfig, LandmarkNet
from models.mask.unet import UNet, UNetConfig


@dataclass(frozen=True)
class NetSpec:
    """A net of the service and its budget."""

    net_class: type[nn.Module]
    config_class: type[Any]
    input_shapes: tuple[tuple[int, ...], ...]  # of one call at service size
    budget_gmac: float


_FACE, _PLANE = (1, 3, FRAME_PX, FRAME_PX), (1, 1, FRAME_PX, FRAME_PX)

NETS: Mapping[str, NetSpec] = {
    "crop": NetSpec(FaceDetector, DetectorConfig, ((1, 3, THUMB_PX, THUMB_PX),), 1.5),
    "mask": NetSpec(UNet, UNetConfig, (_FACE,), 2.0),
    "landmarks": NetSpec(LandmarkNet, LandmarkConfig, (_FACE, _PLANE), 0.5),
    "inpaint": NetSpec(Generator, GeneratorConfig, (_FACE, _PLANE, _PLANE), 5.0),
}
FACE_BUDGET_GMAC = 8.0  # all nets that run once a face: every one but "crop"


def gmac_of(name: str, net: nn.Module) -> float:
    """Multiply-accumulates of one call at service size, in units of 1e9."""
    device = next(net.parameters()).device
    inputs = [torch.zeros(shape, device=device) for shape in NETS[name].input_shapes]
    return count_mac(net, *inputs) / 1e9


def parameters_of(net: nn.Module) -> int:
    """How many numbers the net has learnt."""
    return sum(parameter.numel() for parameter in net.parameters())
