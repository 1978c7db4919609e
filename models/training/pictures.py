"""Pictures, masks and landmarks as files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from models.errors import BadImageError
from models.pixels import Image, Landmarks, Mask

T = TypeVar("T")


def read_image(path: Path) -> Image:
    """RGB, uint8 (H, W, 3)."""
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    if picture is None:
        raise BadImageError(f"{path} is no picture.")
    return np.asarray(picture, np.uint8)


def read_mask(path: Path) -> Mask:
    """Bool (H, W), True where the picture is brighter than 127."""
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if picture is None:
        raise BadImageError(f"{path} is no picture.")
    return np.asarray(picture > 127, np.bool_)


def write_image(path: Path, image: Image, *options: int) -> None:
    """Writes RGB pixels, in the format of the suffix; creates the folder.

    Args:
        path: the file.
        image: RGB, uint8 (H, W, 3).
        options: pairs of OpenCV's IMWRITE flags and their values.

    Raises:
        OSError: the file can't be written.
    """
    _write(path, np.ascontiguousarray(image[..., ::-1]), options)


def write_mask(path: Path, mask: Mask) -> None:
    """Writes a mask as 0/255; creates the folder.

    Raises:
        OSError: the file can't be written.
    """
    _write(path, mask.astype(np.uint8) * 255)


def _write(path: Path, pixels: npt.NDArray[np.uint8], options: Sequence[int] = ()) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), pixels, options):
        raise OSError(f"{path} can't be written: is the disk full?")


def write_landmarks(path: Path, points: Mapping[str, Landmarks], guessed: bool = False) -> None:
    """Writes landmarks by name as npz, as an evaluation folder holds them.

    Args:
        path: gets name (N,), landmarks float32 (N, 68, 2) px and `guessed`.
        points: float32 (68, 2) px each.
        guessed: a net found them, so they are no truth to measure a net by.
    """
    landmarks = np.stack(list(points.values()))
    np.savez(path, name=list(points), landmarks=landmarks, guessed=guessed)


def are_guessed(labels: Mapping[str, npt.NDArray[np.generic]]) -> bool:
    """Whether a landmarks file says that a net found them; without that flag they are a truth."""
    return bool(labels.get("guessed", False))


def spread(items: Sequence[T], limit: int | None) -> list[T]:
    """At most `limit` of the items, evenly spaced: neighbours are often similar."""
    if limit is None or limit >= len(items):
        return list(items)
    return [items[index * len(items) // limit] for index in range(limit)]
