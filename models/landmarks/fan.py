"""FAN as a second landmarker, for bare faces: Bulat and Tzimiropoulos 2017, arXiv:1703.07332.

The package face-alignment is optional (docs/settings.md: "A second landmarker"), and so are its
weights: nothing is downloaded here. The file, `2DFAN4-11f355bf06.pth.tar`, comes from
https://www.adrianbulat.com/downloads/python-fan/. It is a pickle, from which torch reads tensors
only. Its name carries the start of its sha256, which is checked.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from torch import nn

from models.checkpoint import file_sha256
from models.errors import MissingPackageError, WeightsError
from models.parallel import on_one_thread
from models.pixels import Image, Landmarks

WEIGHTS_NAME = "2DFAN4-11f355bf06.pth.tar"
INSTALL_FAN = (
    "face-alignment isn't installed here: pip install -e '.[fan]', "
    "then pip install --no-deps face-alignment==1.5.0."
)
_WEIGHTS_NAMES = re.compile(r"2DFAN4-([0-9a-f]{8,64})\.pth\.tar")
# x0, y0, x1, y1: forehead to chin of a face in the canonical frame, as detectors box it.
_BOX = np.array([54, 30, 202, 218], np.float64)


class Fan:
    """A loaded FAN; `models.landmarks.predict` does the same for any face."""

    def __init__(self, aligner: Any) -> None:
        self.aligner = aligner  # face_alignment.FaceAlignment


@on_one_thread()
def load_fan(folder: Path, device: str = "cpu") -> Fan:
    """Builds FAN with the weights in `folder`.

    Raises:
        WeightsError: there is no such file, or its content doesn't match its name.
        MissingPackageError: face-alignment isn't installed.
    """
    path = find_weights(folder)
    # numba would compile for eight seconds, for a few small loops.
    os.environ.setdefault("NUMBA_DISABLE_JIT", "1")
    try:
        # Imported late: it takes seconds, and it is optional.
        import face_alignment  # type: ignore[import-untyped,import-not-found,unused-ignore]
    except ImportError as error:
        raise MissingPackageError(INSTALL_FAN) from error

    class Offline(face_alignment.FaceAlignment):  # type: ignore[misc,unused-ignore]
        def _load_native(self, _name: str, size: int, device: str, dtype: torch.dtype) -> Any:
            net = face_alignment.api.FAN(size)
            _read_weights(net, path)
            return net.to(device, dtype=dtype).eval()

    kind = face_alignment.LandmarksType.TWO_D
    searches = torch.backends.cudnn.benchmark
    try:
        # "folder" needs no detector's weights: the box is known. Compiling takes minutes.
        aligner = Offline(
            kind, device=device, flip_input=False, face_detector="folder", compile=False
        )
    finally:
        # On a GPU the package turns this on, for all nets of the process.
        torch.backends.cudnn.benchmark = searches
    return Fan(aligner)


def _read_weights(net: nn.Module, path: Path) -> None:
    try:
        net.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except (UnpicklingError, EOFError, TypeError, RuntimeError) as error:
        raise WeightsError(
            f"{path} doesn't hold a FAN of four modules: put {WEIGHTS_NAME} there ({error})."
        ) from error


def find_weights(folder: Path) -> Path:
    """FAN's file in `folder`, after comparing its sha256 with its name.

    Raises:
        WeightsError: there is none, or it is damaged.
    """
    found = sorted(path for path in folder.glob("*") if _WEIGHTS_NAMES.fullmatch(path.name))
    if not found:
        raise WeightsError(
            f"{folder / WEIGHTS_NAME} is missing: get it from "
            f"https://www.adrianbulat.com/downloads/python-fan/{WEIGHTS_NAME} and put it there."
        )
    match = _WEIGHTS_NAMES.fullmatch(found[0].name)
    if match is None or not file_sha256(found[0]).startswith(match[1]):
        raise WeightsError(f"{found[0]} doesn't match its name (sha256 differs): get it again.")
    return found[0]


def find_landmarks(fan: Fan, faces: Sequence[Image]) -> list[Landmarks]:
    """Finds the 68 points of bare faces.

    Args:
        fan: see `load_fan`.
        faces: canonical crops, uint8 (256, 256, 3) RGB, without masks.

    Returns:
        float32 (68, 2) each, (x, y) whole px of the crop, iBUG order.
    """
    found = (fan.aligner.get_landmarks_from_image(face, [_BOX])[0] for face in faces)
    return [np.asarray(points, np.float32) for points in found]
