"""`mask2face run`: takes the masks off in photos on disk, without a server."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from serve_graph.cli.files import read_photo, targets_of, work_through, write_photo
from serve_graph.cli.options import WEIGHTS, Device, Out, Source, Weights, load_stages

if TYPE_CHECKING:
    from models.photo.decode import Photo
    from models.pipeline import Unmasked


def run(
    source: Source,
    out: Out,
    reference: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            show_default=False,
            metavar="ME",
            help="Photo of the same person without a mask: their own lower face is swapped in. "
            "Giving it means that this person consents.",
        ),
    ] = None,
    panels: Annotated[
        bool, typer.Option("--panels", help="Also write the steps side by side.")
    ] = False,
    weights: Weights = WEIGHTS,
    device: Device = "cpu",
) -> None:
    """Take the mask off in a photo, or in every photo of a folder."""
    targets = targets_of(source, out)
    own = read_photo(reference) if reference else None

    from models.clock import Clock
    from models.pipeline import Options, unmask

    stages = load_stages(weights, device)

    def unmask_file(path: Path) -> str | None:
        photo, target = read_photo(path), targets[path]
        result = asyncio.run(unmask(photo, stages, Options(), Clock(), own))
        write_photo(target, result.pixels, photo.icc_profile, result.changed)
        if panels:
            _write_panels(target, photo, result)
        return None if result.changed else "nobody wears a mask, left as it is"

    work_through(list(targets), unmask_file, "unmasking")


def _write_panels(target: Path, photo: "Photo", result: "Unmasked") -> None:
    from serve_graph.cli.panels import draw_panels

    picture = draw_panels(photo.pixels, result)
    path = target.with_name(f"{target.stem}_panels.jpg")
    write_photo(path, picture, photo.icc_profile, result.changed)
