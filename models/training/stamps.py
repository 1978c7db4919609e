"""Whether the pictures of a source changed since their faces were cut, without reading them."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

Stamps = npt.NDArray[np.int64]  # (N, 2) one row for each picture; -1 where it is missing


def stamps_of(path: Path, files: Sequence[str | None]) -> Stamps:
    """Size and CRC of files in a zip; size and time of change (ns) of those in a folder.

    Args:
        path: an intact zip, or a folder.
        files: names in it; None: missing.
    """
    if path.is_dir():
        stats = ((path / file).stat() if file else None for file in files)
        rows = [(s.st_size, s.st_mtime_ns) if s else (-1, -1) for s in stats]
    else:
        with zipfile.ZipFile(path) as archive:
            found = {member.filename: member for member in archive.infolist()}
        members = (found[file] if file else None for file in files)
        rows = [(m.file_size, m.CRC) if m else (-1, -1) for m in members]
    return np.array(rows, np.int64).reshape(-1, 2)


def have_changed(before: Stamps, now: Stamps) -> bool:
    """Whether a picture differs from what it was; those that are gone count as unchanged."""
    return bool(((before != now) & (now >= 0)).any())
