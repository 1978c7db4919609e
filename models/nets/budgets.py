"""The nets, what each may cost, and what each does cost."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from models.checkpoint import Manifest, load_net
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
    "crop": NetSpec(FaceDetector, DetectorConfig, ((1, 3, THUMB_PX, THUMB_PX),), 2.1),
    "mask": NetSpec(UNet, UNetConfig, (_FACE,), 2.0),
    "landmarks": NetSpec(LandmarkNet, LandmarkConfig, (_FACE, _PLANE), 0.5),
    "inpaint": NetSpec(Generator, GeneratorConfig, (_FACE, _PLANE, _PLANE), 5.0),
}
FACE_BUDGET_GMAC = 8.0  # all nets that run once per face: all but "crop"


@dataclass(frozen=True)
class NetCost:
    """What a pinned net costs."""

    megabytes: float
    parameters: int
    gmac: float  # multiply-accumulates of one call at service size, 1e9


def cost_of(manifest: Manifest, name: str) -> NetCost:
    """Loads the net `name` and measures its file, parameters and compute.

    Raises:
        WeightsError: its file differs from the manifest, or belongs to another net.
    """
    path, spec = manifest.path(name), NETS[name]
    net = load_net(path, spec.net_class, spec.config_class)
    parameters = sum(parameter.numel() for parameter in net.parameters())
    return NetCost(path.stat().st_size / 1e6, parameters, gmac_of(name, net))


def gmac_of(name: str, net: nn.Module) -> float:
    """Multiply-accumulates of one call of the net `name` at service size, 1e9."""
    inputs = [torch.zeros(shape) for shape in NETS[name].input_shapes]
    return count_mac(net, *inputs) / 1e9


def count_mac(net: nn.Module, *inputs: torch.Tensor) -> int:
    """Multiply-accumulates of one call in eval mode: convolutions and matrix products."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        net.eval()(*inputs)
    flops: int = counter.get_total_flops()
    return flops // 2
