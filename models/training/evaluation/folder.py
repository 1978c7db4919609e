"""A folder of pictures with a known truth.

truth/ID.*, masked/ID.*, mask/ID.* (0/255) and index.csv (id, source, mask_kind). Optional:
- landmarks.npz: name, landmarks float32 (N, 68, 2) px of truth/; ignored if `guessed` is True, as
  in what `mask2face label` writes.
- real/photo/ID.*, real/mask/ID.*, real/index.csv: masked faces without a truth.
- swap/: like the folder itself, plus reference/ID.*.
"""

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.checkpoint import file_sha256
from models.errors import BadImageError, InputError, Mask2FaceError
from models.photo.decode import Photo, decode_photo
from models.photo.header import Limits
from models.pixels import Landmarks
from models.training.csv_rows import read_rows
from models.training.pictures import are_guessed, read_image, read_mask, spread
from models.training.sources import SourceError, to_labels

_PARTS = ("truth", "masked", "mask", "real", "swap")  # of the folder, where pictures are read
_NO_LIMITS = Limits(max_bytes=sys.maxsize, max_pixels=sys.maxsize, max_side=sys.maxsize)


class EvalFolderError(Mask2FaceError):
    """The folder isn't laid out as described at the top of this module."""


@dataclass(frozen=True)
class Case:
    """One picture of the folder and what belongs to it."""

    id: str
    photo: Path  # the service's input
    mask: Path
    truth: Path | None = None
    reference: Path | None = None
    source: str = ""
    kind: str = ""


class _Pictures:
    """The files of a folder by name, whatever their suffix; listed once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # Of several files with one name, the first by suffix.
        self._files = {path.stem: path for path in sorted(folder.iterdir(), reverse=True)}

    def __getitem__(self, name: str) -> Path:
        if name not in self._files:
            raise EvalFolderError(
                f"{self._folder} has no picture of {name}, which index.csv names."
            )
        return self._files[name]


def read_pairs(folder: Path, limit: int | None = None) -> list[Case]:
    """Cases with a truth, in the order of index.csv; at most `limit`, evenly spaced."""
    rows = spread(_index(folder), limit)
    masked, mask, truth = (_Pictures(folder / part) for part in ("masked", "mask", "truth"))
    return [
        Case(
            row["id"],
            masked[row["id"]],
            mask[row["id"]],
            truth=truth[row["id"]],
            source=row.get("source") or "",
            kind=row.get("mask_kind") or row.get("kind") or "",
        )
        for row in rows
    ]


def read_real(folder: Path, limit: int | None = None) -> list[Case]:
    """Masked faces with an outlined mask, like `read_pairs`; empty without `real/`."""
    real = folder / "real"
    if not real.is_dir():
        return []
    rows = spread(_index(real), limit)
    photo, mask = (_Pictures(real / part) for part in ("photo", "mask"))
    return [
        Case(row["id"], photo[row["id"]], mask[row["id"]], kind=row.get("kind") or "")
        for row in rows
    ]


def read_swaps(folder: Path, limit: int | None = None) -> list[Case]:
    """Cases with a reference photo of the same person, like `read_pairs`; empty without `swap/`."""
    swap = folder / "swap"
    if not swap.is_dir():
        return []
    rows = spread(_index(swap), limit)
    parts = ("masked", "mask", "truth", "reference")
    masked, mask, truth, reference = (_Pictures(swap / part) for part in parts)
    return [
        Case(
            row["id"],
            masked[row["id"]],
            mask[row["id"]],
            truth=truth[row["id"]],
            reference=reference[row["id"]],
        )
        for row in rows
    ]


def read_landmarks(folder: Path) -> dict[str, Landmarks]:
    """The truth's landmarks by ID; empty without landmarks.npz, or if it holds guesses.

    Raises:
        EvalFolderError: landmarks.npz is damaged, or holds something else.
    """
    path = folder / "landmarks.npz"
    if not path.is_file():
        return {}
    try:
        labels = to_labels(path.read_bytes(), path)
    except SourceError as error:
        # numpy's own words would advise to allow pickles, which may run code.
        raise EvalFolderError(
            f"{path} is damaged, or lacks name (N,), strings, and landmarks (N, 68, 2): replace "
            "it, or delete it to leave landmarks out."
        ) from error
    if are_guessed(labels):
        return {}
    points = labels["landmarks"].astype(np.float32)
    return {str(name): own for name, own in zip(labels["name"], points, strict=True)}


def check_case(case: Case) -> None:
    """Checks that all pictures can be read, and that the mask fits them and shows something.

    Raises:
        BadImageError: a file isn't a picture, or not one that the service takes.
        EvalFolderError: the mask is blank or of another size.
    """
    mask = read_mask(case.mask)
    if not mask.any():
        raise EvalFolderError(
            f"{case.mask} is blank: paint it white (over 127) where the face is covered, or take "
            f"{case.id} out of index.csv."
        )
    for path in filter(None, (case.photo, case.truth, case.reference)):
        read_photo(path)
        shape = read_image(path).shape[:2]
        if shape != mask.shape and path != case.reference:
            raise EvalFolderError(
                f"{case.mask} has {_size(mask.shape)} and {path} {_size(shape)}: "
                f"make them the same size, or take {case.id} out of index.csv."
            )


def digest_of(case: Case) -> str:
    """sha256 of all files of a case: another mask on the same face is another picture."""
    digest = hashlib.sha256()
    for path in filter(None, (case.photo, case.mask, case.truth, case.reference)):
        digest.update(file_sha256(path).encode())
    return digest.hexdigest()


def would_overwrite(out: Path, folder: Path) -> bool:
    """Whether an evaluation would write among the pictures that it reads.

    Args:
        out: where it writes; mask/ and other folders have the same names as those it reads.
        folder: the folder that it reads.
    """
    written, read = ([(root / part).resolve() for part in _PARTS] for root in (out, folder))
    return any(place.is_relative_to(part) for place in written for part in read)


def read_photo(path: Path) -> Photo:
    """A picture as the service decodes it, however large: `synth` writes them without loss.

    Raises:
        BadImageError: the service doesn't take it; the message names the file.
    """
    try:
        return decode_photo(path.read_bytes(), _NO_LIMITS)
    except InputError as error:
        raise BadImageError(f"{path}: {error}") from error


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]} x {shape[0]} px"


def _index(folder: Path) -> list[dict[str, str]]:
    path = folder / "index.csv"
    if not path.is_file():
        raise EvalFolderError(f"{path} is missing: it names the pictures of {folder}.")
    columns, rows = read_rows(path, EvalFolderError)
    if not rows or "id" not in columns or not all(row["id"] for row in rows):
        raise EvalFolderError(f"{path} needs a column 'id' and a row with it for each picture.")
    return rows
