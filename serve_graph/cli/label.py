"""`mask2face label`: turns photos into a source of faces for training."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from models.errors import BadRequestError
from models.signals import STOPS, stops_to
from serve_graph.cli.errors import tell
from serve_graph.cli.files import pictures_of, read_photo, work_through
from serve_graph.cli.options import WEIGHTS, Device, Weights, load_stages

if TYPE_CHECKING:
    from models.training.label import SourceFolder


def label(
    folder: Annotated[
        Path,
        typer.Argument(
            exists=True, file_okay=False, help="Photos to cut faces out of.", show_default=False
        ),
    ],
    out: Annotated[
        Path,
        typer.Argument(
            file_okay=False,
            help="Folder of the new source, such as faces/mine.",
            show_default=False,
        ),
    ],
    masked: Annotated[
        bool, typer.Option("--masked", help="Keep the faces that wear a mask, not the bare ones.")
    ] = False,
    weights: Weights = WEIGHTS,
    device: Device = "cpu",
) -> None:
    """Cut the faces out of many photos and find their landmarks, as a source for `train`.

    OUT gets a picture of each bare face (or, with --masked, of each masked one) and labels.npz. On
    Ctrl-C or SIGTERM the labels so far are written; run the same command again to continue.
    `sources` and `real` in configs/train/ list sources by name.
    """
    paths = pictures_of(folder)

    from models.checkpoint import load_manifest
    from models.training.label import SourceFolder, SourceInUseError

    nets = load_manifest(weights).version
    photos = str(folder.resolve())
    source = SourceFolder(out, {"photos": photos, "masked": masked, "weights": nets})
    try:
        source.begin()
    except SourceInUseError as error:
        raise typer.BadParameter(str(error)) from error
    stages = load_stages(weights, device)

    def look(path: Path) -> None:
        asyncio.run(source.add_photo(path.name, read_photo(path), masked, stages))
        source.tick_off(path.name)

    with _kept(source, len(paths)):
        work_through([path for path in paths if path.name not in source.looked], look, "labelling")
    if not len(source):
        raise BadRequestError(f"{folder} shows no {'masked' if masked else 'bare'} face.")


@contextmanager
def _kept(source: "SourceFolder", count: int) -> Iterator[None]:
    """Writes the labels at the end of this block; SIGTERM and Ctrl-C end it early."""
    with stops_to(_stop):
        try:
            yield
        except KeyboardInterrupt:
            source.save()
            seen = f"{len(source.looked)} of {count} photos"
            tell(f"Stopped after {seen}: run the same command again to continue.")
            raise
        except typer.Exit:  # all were looked at; some failed
            source.finish()
            raise
        except BaseException:
            source.save()
            raise
        else:
            source.finish()


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    # `timeout` and Ctrl-C may signal twice: the second must not interrupt the writing.
    for number in STOPS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt
