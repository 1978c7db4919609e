"""`mask2face detect`: which faces wear a mask, as CSV."""

import asyncio
import csv
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.choices import MAX_FACES
from models.errors import NoFaceError
from serve_graph.cli.files import pictures_of, read_photo, work_through
from serve_graph.cli.options import (
    WEIGHTS,
    Device,
    MaxFaces,
    Source,
    Weights,
    left_out,
    load_stages,
)

if TYPE_CHECKING:
    from models.outcome import ExaminedFace

_HEAD = ("file", "face", "x0", "y0", "x1", "y1", "score", "mask_probability", "coverage")
_STDOUT = Path("-")


def detect(
    source: Source,
    csv_file: Annotated[
        Path, typer.Option("--csv", help="CSV file to write; - is standard output.")
    ] = _STDOUT,
    max_faces: MaxFaces = MAX_FACES,
    weights: Weights = WEIGHTS,
    device: Device = "cpu",
) -> None:
    """List the faces in photos and their masks as CSV, one row per face.

    The column `face` is the number that `run --faces` and the API use for the face. Low-confidence
    detections are left out but keep their numbers, so there may be gaps.
    """
    paths = pictures_of(source)

    from models.pipeline import Options, find_masks

    stages, options = load_stages(weights, device), Options(max_faces=max_faces)
    rows: list[tuple[str, ...]] = []

    def look(path: Path) -> str | None:
        try:
            found = asyncio.run(find_masks(read_photo(path), stages, options))
        except NoFaceError:
            return "no face"
        rows.extend(_row(path.name, face) for face in found.faces)
        return left_out(found.more)

    try:
        work_through(paths, look, "looking")
    finally:
        _write(csv_file, rows)


def _row(file: str, face: "ExaminedFace") -> tuple[str, ...]:
    box = [f"{side:.1f}" for side in face.face.box]
    finding = face.finding
    shares = (face.face.score, finding.probability, finding.coverage)
    return (file, f"{face.index}", *box, *(f"{share:.4f}" for share in shares))


def _write(path: Path, rows: Sequence[tuple[str, ...]]) -> None:
    if path != _STDOUT:
        path.parent.mkdir(parents=True, exist_ok=True)
    with nullcontext(sys.stdout) if path == _STDOUT else path.open("w", newline="") as file:
        csv.writer(file).writerows([_HEAD, *rows])
