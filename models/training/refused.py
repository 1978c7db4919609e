"""Lists of faces that a training leaves out: CSV files with SOURCE/NAME as `name`."""

from collections.abc import Sequence, Set
from pathlib import Path

from models.training.csv_rows import read_rows
from models.training.sources import SourceError


def read_refused(path: str) -> set[str]:
    """SOURCE/NAME of the faces that a CSV file excludes: its column `name`.

    Raises:
        SourceError: it has no such column, or isn't in UTF-8.
    """
    columns, rows = read_rows(Path(path), SourceError)
    if "name" not in columns:
        raise SourceError(
            f"{path} has no column 'name', which holds SOURCE/NAME of a face in each row."
        )
    return {row["name"] for row in rows} - {""}


def tell_refused(refused: Set[str], names: Sequence[str]) -> None:
    """Prints how many faces a list leaves out, and how many of its names match none.

    Args:
        refused: see `read_refused`; may name faces of other sources, which count for nothing.
        names: SOURCE/NAME of all faces of a run's sources.
    """
    known, sources = {*names}, {name.partition("/")[0] for name in names}
    unmatched = {name for name in refused - known if name.partition("/")[0] in sources}
    line = f"refused: left out {len(known & refused)} of {len(names)} faces"
    if unmatched:
        line += f"; {len(unmatched)} more of its names fit none, such as {min(unmatched)}"
    print(line, flush=True)
