"""What an independent judge still sees of masks after painting."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from models.checkpoint import load_net
from models.crop.frame import crop_face
from models.pixels import Affine, Image, to_tensor
from models.training.judge.net import CELL_PX, JudgeConfig, JudgeNet
from models.training.sheets import with_mask

SEEN = 0.5  # probability from which the judge counts as seeing a mask


@dataclass(frozen=True)
class Sight:
    """The judge's answer for one picture."""

    probability: float  # that part of a mask is visible
    tinted: Image  # the canonical crop, with the cells that show a mask tinted


class Judge:
    """A loaded judge: `weights/judge.safetensors`, or another file of the same net."""

    def __init__(self, path: Path, device: str = "cpu") -> None:
        """Loads the net onto a device.

        Raises:
            WeightsError: see `load_net`.
        """
        self._net, self._device = load_net(path, JudgeNet, JudgeConfig, device), device

    @torch.inference_mode()
    def look(self, picture: Image, frame: Affine) -> Sight:
        """Judges one face of a picture.

        Args:
            picture: uint8 (H, W, 3) RGB.
            frame: picture px to canonical px.
        """
        crop = crop_face(picture, frame)
        cells, seen = self._net(to_tensor([crop], self._device))
        shown = np.kron((cells[0] > 0).cpu().numpy(), np.ones((CELL_PX, CELL_PX), np.bool_))
        return Sight(float(torch.sigmoid(seen[0])), with_mask(crop, np.asarray(shown, np.bool_)))
