"""CSV files that people write: in UTF-8, with or without the mark that Excel puts first."""

import csv
from collections.abc import Sequence
from pathlib import Path

from models.errors import Mask2FaceError


def read_rows(
    path: Path, refuse: type[Mask2FaceError]
) -> tuple[Sequence[str], list[dict[str, str]]]:
    """The columns of a CSV file and its rows; what a short row lacks is "".

    Args:
        path: the file.
        refuse: the error for a file that can't be read.

    Raises:
        Mask2FaceError: of the kind `refuse`, naming the file: it isn't CSV in UTF-8.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, restval="")
            rows = list(reader)
            return reader.fieldnames or (), rows
    except (UnicodeDecodeError, csv.Error) as error:
        raise refuse(f"{path} can't be read ({error}): save it as CSV in UTF-8.") from error
