"""Sources of faces: pictures with 68 landmarks each, in a zip or a folder.

A source is a zip of pictures, each `NAME.webp`, `.png` or `.jpg`, with `labels.npz` (name,
landmarks), or a folder laid out the same way.
"""

import io
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from models.errors import Mask2FaceError
from models.pixels import Image, Landmarks
from models.training.pictures import spread

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


def source_names(folder: Path, sources: Sequence[str]) -> npt.NDArray[np.str_]:
    """SOURCE/NAME of each face, in the order of `load_faces`."""
    labels = {source: source_labels(folder, source)["name"] for source in sources}
    return np.array([f"{source}/{name}" for source, own in labels.items() for name in own])


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
    path, files = source_path(folder, source), picture_files(folder, source)
    names = source_labels(folder, source)["name"].tolist()
    missing = [name for name in names if name not in files]
    if missing:
        raise SourceError(
            f"{path} has no picture of {', '.join(missing[:5])} ({len(missing)} in all), which the "
            f"labels name: put NAME.webp there, or NAME with another of {', '.join(SUFFIXES)}, or "
            "take it out of the labels."
        )
    return [files[name] for name in names]


def picture_files(folder: Path, source: str) -> dict[str, str]:
    """The picture files beside the labels, by the name that labels would have for each."""
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
