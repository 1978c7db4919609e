"""The CSV log of a run."""

import csv
from collections.abc import Mapping
from pathlib import Path


def append_row(path: Path, row: Mapping[str, float]) -> None:
    """Adds a row; a column that the file lacks so far (a judge that joins late) is added too."""
    rows: list[Mapping[str, float | str]] = []
    names: list[str] = []
    if path.exists():
        with path.open(newline="") as file:
            reader = csv.DictReader(file)
            names, rows = list(reader.fieldnames or ()), list(reader)
    known = set(names)
    if new := [name for name in row if name not in known]:
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, [*names, *new], extrasaction="ignore")
            writer.writeheader()
            writer.writerows([*rows, row])
        return
    with path.open("a", newline="") as file:
        csv.DictWriter(file, names).writerow(row)
