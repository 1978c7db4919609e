"""The CSV log of a run."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from models.atomic_write import atomic_write


def cut_rows(path: Path, step: int) -> None:
    """Drops the rows after a step: a killed run resumes at its last checkpoint."""
    if not path.exists():
        return
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        names = list(reader.fieldnames or ())
        rows = [row for row in reader if int(row["step"]) <= step]
    _write(path, names, rows)


def append_row(path: Path, row: Mapping[str, float]) -> None:
    """Adds a row, and new columns if it has any (a discriminator that joins late)."""
    rows: list[Mapping[str, float | str]] = []
    names: list[str] = []
    if path.exists():
        with path.open(newline="") as file:
            reader = csv.DictReader(file)
            names, rows = list(reader.fieldnames or ()), list(reader)
    known = set(names)
    if new := [name for name in row if name not in known]:
        _write(path, [*names, *new], [*rows, row])
        return
    with path.open("a", newline="") as file:
        csv.DictWriter(file, names).writerow(row)


def _write(path: Path, names: Sequence[str], rows: Sequence[Mapping[str, float | str]]) -> None:
    with atomic_write(path) as part, part.open("w", newline="") as file:
        writer = csv.DictWriter(file, names, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
