"""`mask2face synth`: makes triples of masked face, truth and mask from bare faces."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import track

from models.choices import DeviceName
from models.errors import BadRequestError, InputError
from serve_graph.cli.errors import complain
from serve_graph.cli.files import check_format, pictures_of, read_photo
from serve_graph.cli.options import MASK_KINDS, WEIGHTS, Device, Weights, load_stages

if TYPE_CHECKING:
    from models.training.synth import Subject

_SHEET_FACES = 10


def synth(
    folder: Annotated[
        Path,
        typer.Argument(
            exists=True,
            metavar="FOLDER|ZIP",
            help="Pictures with labels.npz, or photos.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path,
        typer.Argument(file_okay=False, help="Folder to write the triples to.", show_default=False),
    ],
    kind: Annotated[
        list[str] | None,
        typer.Option(help=f"Kind of mask: {MASK_KINDS}. May be repeated; default: all kinds."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed draws the same masks.")] = 0,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Use at most this many pictures.", show_default=False)
    ] = None,
    sheet: Annotated[
        Path | None,
        typer.Option(help="Also write a picture that shows each kind on ten of the faces."),
    ] = None,
    weights: Weights = WEIGHTS,
    device: Device = "cpu",
) -> None:
    """Draw masks on the bare faces of many pictures: training or evaluation data.

    FOLDER|ZIP holds pictures with labels.npz (name, landmarks); a FOLDER may hold photos instead,
    in which the service finds the faces; those of several people are left out. OUT gets masked/,
    truth/, mask/ and index.csv, as `mask2face evaluate` reads them.
    """
    import numpy as np

    from models.training.drawing import KINDS
    from models.training.synth import TripleFolder, draw_kinds, draw_triple

    kinds = kind or list(KINDS)
    if unknown := set(kinds) - set(KINDS):
        raise typer.BadParameter(f"'{min(unknown)}' is none of {', '.join(KINDS)}.")
    if sheet:
        check_format(sheet)
    if (out / "index.csv").exists():
        raise typer.BadParameter(f"{out} holds triples already: choose another folder.")
    count, subjects = _subjects(folder, limit, weights, device)
    shown: list[Subject] = []
    bar = track(subjects, "drawing masks", count, console=Console(stderr=True))
    with TripleFolder(out) as triples:
        for number, subject in enumerate(bar):
            if subject is None:
                continue
            triple = draw_triple(subject, kinds, np.random.default_rng((seed, number)))
            triples.add(subject, triple)
            if len(shown) < _SHEET_FACES:
                shown.append(subject)
    if not shown:
        raise BadRequestError(f"{folder} shows no bare face alone: nothing was drawn.")
    if sheet:
        from models.training.pictures import write_image

        write_image(sheet, draw_kinds(shown, kinds, seed))


def _subjects(
    folder: Path, limit: int | None, weights: Path, device: DeviceName
) -> "tuple[int, Iterator[Subject | None]]":
    """The number of pictures, and each one's bare face; None for those left out."""
    if folder.is_file() or (folder / "labels.npz").exists():
        return _labelled(folder, limit)
    if zips := sorted(folder.glob("*.zip")):
        raise typer.BadParameter(f"{folder} holds zips: give one of them, such as {zips[0]}.")

    from models.training.pictures import spread

    paths = spread(pictures_of(folder), limit)
    return len(paths), _found(paths, weights, device)


def _labelled(folder: Path, limit: int | None) -> "tuple[int, Iterator[Subject | None]]":
    from models.training.pictures import are_guessed
    from models.training.sources import read_source, source_labels, source_path
    from models.training.synth import Subject

    if folder.is_file() and folder.suffix != ".zip":
        raise typer.BadParameter(f"{folder}: give a folder or a zip with labels.npz.")
    path = folder.absolute()
    place, source = path.parent, path.name if path.is_dir() else path.stem
    if (read := source_path(place, source)) != path:
        raise typer.BadParameter(f"{read} would be read, not {folder}: give it, or move it away.")
    labels = source_labels(place, source)
    count, labelled = len(labels["name"]), not are_guessed(labels)
    pictures = (
        Subject(name, source, image, landmarks, labelled)
        for name, image, landmarks in read_source(place, source, limit)
    )
    return min(count, limit or count), pictures


def _found(paths: list[Path], weights: Path, device: DeviceName) -> "Iterator[Subject | None]":
    """Photos of a single face, a bare one; the others are reported and left out, as None."""
    from models.training.photos import find_landmarks
    from models.training.synth import Subject

    stages, names = load_stages(weights, device), set[str]()
    for path in paths:
        try:
            photo = read_photo(path)
            bare = asyncio.run(find_landmarks(photo, stages))
        except (InputError, OSError) as error:
            complain(f"{path.name} left out: {error}")
            yield None
            continue
        if bare.others:
            complain(f"{path.name} left out: a face wears a mask already.")
            yield None
            continue
        count = len(bare.faces)
        if count > 1:  # masks on the others would count as missed
            complain(f"{path.name} left out: it shows {count} faces, and evaluate scores one.")
            yield None
            continue
        (face,) = bare.faces
        name = path.stem if path.stem not in names else path.name
        names.add(name)
        yield Subject(name, path.parent.name, photo.pixels, face.in_photo)
