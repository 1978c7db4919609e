"""`mask2face expressions`: a sheet of what `run` can make of each masked face."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from serve_graph.cli.files import (
    check_format,
    check_written,
    pictures_of,
    read_photo,
    work_through,
    write_photo,
)
from serve_graph.cli.options import WEIGHTS, Device, Source, Weights, load_stages

if TYPE_CHECKING:
    from models.pipeline import MaskedFace
    from models.pixels import Image
    from models.stages import Stages


def expressions(
    source: Source,
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", metavar="SHEET", help="Picture file of the sheet.", show_default=False
        ),
    ],
    people: Annotated[int, typer.Option(min=1, help="Most faces on the sheet, a row each.")] = 10,
    weights: Weights = WEIGHTS,
    device: Device = "cpu",
) -> None:
    """Draw each masked face in all expressions and candidates, side by side.

    Columns: the photo; neutral; as guessed, which is the first candidate; smile; the second, third
    and fourth candidates.
    """
    check_format(out)
    paths = pictures_of(source)
    check_written({source: [out]}, paths)

    from models.training.sheets import contact_sheet

    stages = load_stages(weights, device)
    rows: list[list[Image]] = []

    def add_rows(path: Path) -> None:
        if len(rows) < people:
            rows.extend(asyncio.run(_rows_of(path, stages)))

    try:
        work_through(paths, add_rows, "painting")
    finally:
        if rows:
            write_photo(out, contact_sheet(rows[:people]), face_changed=True)
    if not rows:
        raise typer.BadParameter(f"nobody in {source} wears a mask.")


async def _rows_of(path: Path, stages: "Stages") -> "list[list[Image]]":
    from models.clock import Clock
    from models.pipeline import Options, find_masks

    options = Options()
    found = await find_masks(read_photo(path), stages, options, Clock())
    masked = [one for one in found if one.finding.probability >= options.min_probability]
    return [await _row_of(one, stages) for one in masked]


async def _row_of(one: "MaskedFace", stages: "Stages") -> "list[Image]":
    from models.inpaint.hole import hole_of
    from models.landmarks.guess import MAX_CANDIDATES, Wish

    hole = hole_of(one.finding.mask, one.crop)
    neutral = await stages.paint(one.crop, hole, Wish("neutral"))
    guess, *others = await stages.paint(one.crop, hole, Wish(candidates=MAX_CANDIDATES))
    smile = await stages.paint(one.crop, hole, Wish("smile"))
    return [one.crop, *(painted.face for painted in (*neutral, guess, *smile, *others))]
