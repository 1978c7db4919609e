"""Writes files atomically."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Names a file to write instead of `path`; it takes its place when the block ends.

    If the block fails, or the process is killed, `path` is as it was. A block that fails leaves no
    part of a file, which may be what filled the disk.
    """
    part = path.with_name(f"part.{path.name}")  # numpy and OpenCV go by the suffix
    try:
        yield part
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
