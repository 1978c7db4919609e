"""Faces for training, cut once into a little more than the canonical frame.

A source is a zip of pictures, each `NAME.webp`, `.png` or `.jpg`, with `labels.npz` (name,
landmarks), or a folder laid out the same way. All faces are kept as uint8 in one array; each sample
is cut from its face with its own jitter around the canonical frame.
"""

import errno
import glob
import hashlib
import io
import math
import os
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePath
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from models.crop.frame import FRAME_PX, compose, crop_face, fit_frame, five_points, transform
from models.errors import Mask2FaceError
from models.pixels import Image, Landmarks
from models.replacing import replacing
from models.training.lock import locked
from models.training.pictures import spread
from models.training.stamps import Stamps, have_changed, stamps_of

STORE_PX = 288  # side of a stored face: the frame at its own scale, with room for jitter
_LABELS = "labels.npz"
SUFFIXES = (".webp", ".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")  # of pictures


class SourceError(Mask2FaceError):
    """A source of faces isn't laid out as described at the top of this module."""


class NoSourceError(SourceError):
    """There is no zip and no folder of that name."""


class Labelled(NamedTuple):
    """A picture of a source."""

    name: str
    image: Image
    landmarks: Landmarks  # (68, 2) px


class Encoded(NamedTuple):
    """A picture of a source as its file stores it."""

    name: str
    file: Path  # in a zip: the path continues inside it
    data: bytes
    landmarks: Landmarks  # (68, 2) px


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


def source_names(folder: Path, sources: Sequence[str]) -> npt.NDArray[np.str_]:
    """SOURCE/NAME of each face, in the order of `load_faces`."""
    labels = {source: source_labels(folder, source)["name"] for source in sources}
    return np.array([f"{source}/{name}" for source, own in labels.items() for name in own])


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
        files, path = _picture_files(folder, source), source_path(folder, source)
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
    with replacing(kept / "images.npy") as part:
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
    with replacing(kept / _LABELS) as part:
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


def source_path(folder: Path, source: str) -> Path:
    """`SOURCE.zip`, or else `SOURCE/`.

    Raises:
        NoSourceError: neither exists.
    """
    path = folder / f"{source}.zip"
    if path.exists():
        return path
    if (folder / source).is_dir():
        return folder / source
    raise NoSourceError(
        f"{folder} has neither {source}.zip nor {source}/: name other sources in the config, or "
        f"make this one from photos: mask2face label PHOTOS {folder / source}"
    )


def source_labels(folder: Path, source: str) -> dict[str, npt.NDArray[np.generic]]:
    """Labels of a source: name (N,) and landmarks (N, 68, 2) px.

    They are `labels.npz` in the zip or folder, or `SOURCE_landmarks.npz` beside it.

    Raises:
        SourceError: the source doesn't exist, has no labels or labels of other names or shapes,
            or a landmark isn't a number.
    """
    beside = folder / f"{source}_landmarks.npz"
    if beside.exists():
        labels = to_labels(beside.read_bytes(), beside)
    else:
        labels = _own_labels(folder, source)
    points = np.asarray(labels["landmarks"], np.float32)
    unsure = labels["name"][~np.isfinite(points).all(axis=(1, 2))]
    if len(unsure):
        raise SourceError(
            f"landmarks of {', '.join(map(str, unsure[:5]))} in {source} are no numbers "
            f"({len(unsure)} in all): take them out of the labels, or label the photos again."
        )
    return labels


def _own_labels(folder: Path, source: str) -> dict[str, npt.NDArray[np.generic]]:
    path = source_path(folder, source)
    file = _labels_file(path)
    if file is None:
        raise SourceError(
            f"{path} has no {_LABELS}, which holds the pictures' landmarks: "
            f"mask2face label PHOTOS {folder / source} makes it from photos."
        )
    (content,) = _contents(path, [file])
    return to_labels(content, path / file)


def to_labels(content: bytes, path: Path) -> dict[str, npt.NDArray[np.generic]]:
    """Labels as `source_labels` returns them, from the content of a file; raises as it does."""
    try:
        labels = dict(np.load(io.BytesIO(content)))
    except (ValueError, TypeError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise SourceError(
            f"{path} can't be read ({error}): write it with np.savez, with strings as name."
        ) from error
    names, points = (labels.get(key, np.zeros(0)) for key in ("name", "landmarks"))
    named = names.dtype.kind == "U" and names.ndim == 1
    if not named or points.dtype.kind not in "fiu" or points.shape != (len(names), 68, 2):
        found = ", ".join(f"{key} {own.dtype} {own.shape}" for key, own in labels.items())
        raise SourceError(
            f"{path} must hold name (N,), strings, and landmarks (N, 68, 2) in px, in iBUG order; "
            f"it holds {found or 'nothing'}."
        )
    return labels


def _labels_file(path: Path) -> str | None:
    """labels.npz of a zip or folder; in a zip of a folder it lies in that folder."""
    found = (file for file in _files(path) if PurePath(file).name == _LABELS)
    return min(found, key=lambda file: file.count("/"), default=None)


def _files(path: Path) -> list[str]:
    """All files of a zip, including its folders, or of a folder."""
    if path.is_dir():
        return sorted(file.name for file in path.iterdir())
    with open_zip(path) as archive:
        return sorted(archive.namelist())


def _contents(path: Path, files: Sequence[str]) -> Iterator[bytes]:
    if path.is_dir():
        yield from ((path / file).read_bytes() for file in files)
        return
    with open_zip(path) as archive:
        yield from map(archive.read, files)


def find_pictures(folder: Path, source: str) -> list[str]:
    """The picture file of each face of a source, in the order of the labels.

    Raises:
        SourceError: see `source_labels`; or a face has no picture.
    """
    path, files = source_path(folder, source), _picture_files(folder, source)
    names = source_labels(folder, source)["name"].tolist()
    missing = [name for name in names if name not in files]
    if missing:
        raise SourceError(
            f"{path} has no picture of {', '.join(missing[:5])} ({len(missing)} in all), which the "
            f"labels name: put NAME.webp there, or NAME with another of {', '.join(SUFFIXES)}, or "
            "take it out of the labels."
        )
    return [files[name] for name in names]


def _picture_files(folder: Path, source: str) -> dict[str, str]:
    path = source_path(folder, source)
    beside = PurePath(_labels_file(path) or "").parent
    return {
        shown.stem: file
        for file in _files(path)
        if (shown := PurePath(file)).parent == beside and shown.suffix.lower() in SUFFIXES
    }


def read_source(folder: Path, source: str, limit: int | None = None) -> Iterator[Labelled]:
    """Pictures of a zip or folder in the order of its labels; at most `limit`, evenly spaced.

    Raises:
        SourceError: see `find_pictures`; or a file isn't a picture.
    """
    for name, file, data, landmarks in read_encoded(folder, source, limit):
        yield Labelled(name, decode(data, file), landmarks)


def read_encoded(folder: Path, source: str, limit: int | None = None) -> Iterator[Encoded]:
    """Like `read_source`, but with the pictures still encoded.

    Raises:
        SourceError: see `find_pictures`.
    """
    labels = source_labels(folder, source)
    names, points = labels["name"], labels["landmarks"].astype(np.float32)
    path, files = source_path(folder, source), find_pictures(folder, source)
    rows = spread(range(len(files)), limit)
    contents = _contents(path, [files[row] for row in rows])
    for row, data in zip(rows, contents, strict=True):
        yield Encoded(str(names[row]), path / files[row], data, points[row])


@contextmanager
def open_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """A zip to read from in this block.

    Raises:
        SourceError: it is damaged, encrypted, or packed by a method that Python doesn't have.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        reason = str(error) or "cut off"  # an EOFError has no text
        raise SourceError(
            f"{path} is no zip, or damaged ({reason}): replace it with a whole one."
        ) from error


def decode(data: bytes, path: Path) -> Image:
    """RGB, uint8 (H, W, 3), of an encoded picture.

    Raises:
        SourceError: it is damaged; the message names `path`.
    """
    pixels = np.frombuffer(data, np.uint8)
    picture = cv2.imdecode(pixels, cv2.IMREAD_COLOR_RGB) if data else None
    if picture is None:
        raise SourceError(f"{path} is no picture, or cut off: replace it with a whole one.")
    return np.asarray(picture, np.uint8)
