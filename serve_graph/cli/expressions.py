"""`mask2face expressions`: a sheet of what `run` can make of each masked face."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.choices import MAX_CANDIDATES
from models.errors import BadRequestError
from serve_graph.cli.files import (
    check_format,
    check_holds,
    check_written,
    pictures_of,
    read_photo,
    work_through,
    write_photo,
)
from serve_graph.cli.options import WEIGHTS, Device, Source, Weights, load_stages

if TYPE_CHECKING:
    from models.landmarks.guess import Wish
    from models.photo.decode import Photo
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

    import numpy as np

    from models.crop.frame import FRAME_PX
    from models.training.sheets import contact_sheet

    check_holds(out, np.broadcast_to(np.uint8(0), (people * FRAME_PX, FRAME_PX, 3)))
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
        raise BadRequestError(f"Nobody in {source} wears a mask.")


async def _rows_of(path: Path, stages: "Stages") -> "list[list[Image]]":
    from models.landmarks.guess import Wish

    photo = read_photo(path)
    neutral = await _tiles_of(photo, Wish("neutral"), stages)
    guesses = await _tiles_of(photo, Wish(candidates=MAX_CANDIDATES), stages)
    smile = await _tiles_of(photo, Wish("smile"), stages)
    return [
        [before, calm, guess, happy, *others]
        for (before, calm), (_, guess, *others), (_, happy) in zip(
            neutral, guesses, smile, strict=True
        )
    ]


async def _tiles_of(photo: "Photo", wish: "Wish", stages: "Stages") -> "list[list[Image]]":
    """The photo and its candidates around each painted face, in sRGB."""
    from models.crop.frame import crop_face
    from models.photo.profiles import to_profile
    from models.pipeline import Options, unmask

    result = await unmask(photo, stages, Options(wish=wish))
    frames = [face.found.frame for face in result.faces if face.painted is not None]
    shown = photo.pixels, *result.candidates
    return [
        [to_profile(crop_face(pixels, frame), photo.icc_profile, None) for pixels in shown]
        for frame in frames
    ]
