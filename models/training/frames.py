"""Faces for training, cut once into a little more than the canonical frame.

All faces of some sources are kept as uint8 in one array; each sample is cut from its face with its
own jitter around the canonical frame.
"""

import errno
import glob
import hashlib
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models.atomic_write import atomic_write
from models.crop.frame import FRAME_PX, compose, crop_face, fit_frame, five_points, transform
from models.pixels import Image, Landmarks
from models.training.lock import locked
from models.training.sources import (
    NoSourceError,
    find_pictures,
    picture_files,
    read_source,
    source_labels,
    source_path,
)
from models.training.stamps import Stamps, have_changed, stamps_of

STORE_PX = 288  # side of a stored face: the frame at its own scale, with room for jitter
_LABELS = "labels.npz"


@dataclass(frozen=True)
class Faces:
    """Faces of one or several sources, mapped from disk."""

    images: npt.NDArray[np.uint8]  # (N, STORE_PX, STORE_PX, 3) RGB
    landmarks: npt.NDArray[np.float32]  # (N, 68, 2) px of the stored face
    sources: npt.NDArray[np.str_]  # (N,) name of the zip or folder
    rows: npt.NDArray[np.int64]  # the selected faces: indices into the other arrays

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[Image, Landmarks]:
        row = self.rows[index]
        return self.images[row], self.landmarks[row]

    def split(self, held_back: int = 20) -> tuple["Faces", "Faces"]:
        """Training faces, and every `held_back`-th face as the held-back ones."""
        apart = self.rows % held_back == held_back - 1
        return self.only(self.rows[~apart]), self.only(self.rows[apart])

    def only(self, rows: npt.NDArray[np.int64]) -> "Faces":
        """The same store with other faces selected."""
        return Faces(self.images, self.landmarks, self.sources, rows)


def load_faces(folder: Path, sources: Sequence[str], cache: Path) -> Faces:
    """Cuts all faces of some sources, or maps the result of an earlier call on the same pictures.

    Of several processes that want the same faces, one cuts them while the others wait.

    Args:
        folder: holds `SOURCE.zip` or `SOURCE/` for each source.
        sources: their names.
        cache: keeps the cut faces, so that the next start takes seconds.

    Raises:
        SourceError: see `read_source`.
        OSError: the disk has too little left for the cut faces.
    """
    kept = store_path(folder, sources, cache)
    if not _are_cut(folder, sources, kept):
        with locked(kept / "lock", "it cuts the same faces"):
            if not _are_cut(folder, sources, kept):
                _cut_sources(folder, sources, kept)
    labels = np.load(kept / _LABELS)
    images = np.load(kept / "images.npy", mmap_mode="r")
    return Faces(images, labels["landmarks"], labels["sources"], np.arange(len(images)))


def store_path(folder: Path, sources: Sequence[str], cache: Path) -> Path:
    """Where `load_faces` keeps the faces of some sources; other labels have another path."""
    digest = hashlib.sha256()
    for source in sources:
        labels = source_labels(folder, source)
        digest.update("/".join(labels["name"]).encode())
        digest.update(np.asarray(labels["landmarks"], np.float32).tobytes())
    return cache / f"{'+'.join(sources)}_{STORE_PX}_{digest.hexdigest()[:12]}"


def matching(faces: Faces, names: npt.NDArray[np.str_], patterns: Sequence[str]) -> Faces:
    """The faces whose SOURCE/NAME matches one of the patterns, such as `aaf/*`.

    Raises:
        ValueError: none does.
    """
    rows = [row for row in faces.rows if any(fnmatchcase(names[row], p) for p in patterns)]
    if not rows:
        raise ValueError(f"no face is named like {', '.join(patterns)}")
    return faces.only(np.array(rows))


def _are_cut(folder: Path, sources: Sequence[str], kept: Path) -> bool:
    if not (kept / _LABELS).exists():
        return False
    labels = np.load(kept / _LABELS)
    if "stamps" not in labels:  # an older version wrote none
        return True
    try:
        return not have_changed(labels["stamps"], _stamps(folder, sources))
    except NoSourceError:  # its labels are beside it, and it is gone, as single pictures may be
        return True


def _stamps(folder: Path, sources: Sequence[str]) -> Stamps:
    stamps = []
    for source in sources:
        files, path = picture_files(folder, source), source_path(folder, source)
        names = source_labels(folder, source)["name"].tolist()
        stamps.append(stamps_of(path, [files.get(name) for name in names]))
    return np.concatenate(stamps)


def _cut_sources(folder: Path, sources: Sequence[str], kept: Path) -> None:
    # Looks for every picture first: a missing one would otherwise show up an hour later.
    counts = {source: len(find_pictures(folder, source)) for source in sources}
    earlier = f"{glob.escape(kept.name)}_masks_*.npz"  # labels of earlier pictures
    for masks in kept.parent.glob(earlier):
        masks.unlink()
    stamps = _stamps(folder, sources)  # before reading: a later change shows up at the next start
    total = sum(counts.values())
    shape = (total, STORE_PX, STORE_PX, 3)
    landmarks = np.zeros((total, 68, 2), np.float32)
    shift = (STORE_PX - FRAME_PX) / 2
    store = np.array([[1, 0, shift], [0, 1, shift]], np.float32)
    pictures = (picture for source in sources for picture in read_source(folder, source))
    # Another training may have mapped the earlier pictures: they stay whole on disk for it.
    with atomic_write(kept / "images.npy") as part:
        images = _new_store(part, shape)
        for row, (_, image, points) in enumerate(pictures):
            to_store = compose(store, fit_frame(five_points(points)))
            images[row] = crop_face(image, to_store, STORE_PX)
            landmarks[row] = transform(points, to_store)
            if row % 1000 == 0:
                print(f"cutting faces: {row} of {total}", flush=True)
        images.flush()
    # Written last and atomically: its presence means that the pictures are complete.
    names = np.repeat(list(counts), list(counts.values()))
    with atomic_write(kept / _LABELS) as part:
        np.savez(part, landmarks=landmarks, sources=names, stamps=stamps)


def _new_store(path: Path, shape: tuple[int, ...]) -> np.memmap[Any, Any]:
    """An array in a new file.

    Raises:
        OSError: the disk has too little left.
    """
    try:
        images = np.lib.format.open_memmap(path, "w+", np.uint8, shape)
        _reserve(path)
    except OSError as error:
        raise OSError(
            f"{path.parent} needs {math.prod(shape) / 1e6:,.0f} MB for the cut faces ({error}): "
            "make room, or give a --run on another disk."
        ) from error
    return images


def _reserve(path: Path) -> None:
    """Takes a sparse file's place on the disk: if that fills up later, a signal ends the process.

    Raises:
        OSError: the disk has too little left.
    """
    if not hasattr(os, "posix_fallocate"):  # macOS
        return
    with path.open("r+b") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):  # of disks that can't
                raise
