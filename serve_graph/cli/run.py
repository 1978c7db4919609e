"""`mask2face run`: takes the masks off faces in photos on disk, without a server."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.choices import (
    MAX_CANDIDATES,
    MAX_FACES,
    QUALITY,
    Blend,
    Expression,
    FaceChoice,
    Landmarker,
    Warp,
)
from models.errors import DrawnMaskError, InputError
from serve_graph.cli.files import (
    check_holds,
    check_written,
    not_done,
    numbered,
    read_photo,
    targets_of,
    work_through,
    write_photo,
)
from serve_graph.cli.options import (
    FAN_WEIGHTS,
    WEIGHTS,
    Device,
    MaxFaces,
    Out,
    Source,
    Weights,
    left_out,
    load_stages,
)
from serve_graph.face_choice import parse_face_choice

if TYPE_CHECKING:
    from models.outcome import Unmasked
    from models.photo.decode import Photo
    from models.stages import LocalStages


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
    mask: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            show_default=False,
            help="Your own mask, of the upright photo's size: white is painted, and the detected "
            "mask is ignored. Only for a single photo.",
        ),
    ] = None,
    faces: Annotated[
        str,
        typer.Option(
            metavar="all|largest|0,2",
            help="Which faces; the numbers are those that `detect` and the API give.",
        ),
    ] = "all",
    max_faces: MaxFaces = MAX_FACES,
    expression: Annotated[
        Expression,
        typer.Option("--expression", help="Expression of the painted part; auto keeps the guess."),
    ] = "auto",
    candidates: Annotated[
        int,
        typer.Option(
            min=1,
            max=MAX_CANDIDATES,
            help="How many plausible faces to paint, most likely first: OUT_1, OUT_2 and so on. "
            "With --reference, the first has the swap.",
        ),
    ] = 1,
    sharpen: Annotated[bool, typer.Option("--sharpen", help="Sharpen the painted part.")] = False,
    quality: Annotated[int, typer.Option(min=1, max=100, help="JPEG and WebP quality.")] = QUALITY,
    landmarks: Annotated[
        Landmarker, typer.Option("--landmarks", help="What finds the reference's landmarks.")
    ] = "embedded",
    fan_weights: Annotated[
        Path,
        typer.Option(
            metavar="FOLDER",
            show_default="weights/fan",
            help="Of face-alignment: the folder with 2DFAN4-11f355bf06.pth.tar.",
        ),
    ] = FAN_WEIGHTS,
    warp: Annotated[
        Warp,
        typer.Option(
            "--warp",
            help="mesh bends the reference to the face, 2d only rotates, scales and shifts it.",
        ),
    ] = "mesh",
    blend: Annotated[
        Blend,
        typer.Option(
            "--blend", help="feather mixes near the reference's edge, poisson keeps its gradients."
        ),
    ] = "feather",
    panels: Annotated[
        bool, typer.Option("--panels", help="Also write the steps side by side.")
    ] = False,
    skip_existing: Annotated[
        bool,
        typer.Option(
            "--skip-existing",
            help="Leave out photos whose results are there: a run that was stopped goes on.",
        ),
    ] = False,
    jobs: Annotated[
        int,
        typer.Option(
            min=1,
            help="How many processes share the photos: a thread and 0.5 GB of memory or more each.",
        ),
    ] = 1,
    weights: Weights = WEIGHTS,
    device: Device = "cpu",
) -> None:
    """Take the masks off the faces in a photo, or in every photo of a folder."""
    targets = _targets(source, out, candidates, panels)
    check_written(targets, [path for path in (reference, mask) if path])
    if mask and len(targets) > 1:
        raise typer.BadParameter("--mask needs a single photo: name that photo, not a folder.")
    which = _parse(faces)
    left = not_done(targets) if skip_existing else list(targets)
    if not left:
        return
    own = _read(reference) if reference else None

    from models.landmarks.guess import Wish
    from models.mask.drawn import to_drawn_mask
    from models.pipeline import Options, unmask

    drawn = to_drawn_mask(_read(mask).pixels) if mask else None
    fan = fan_weights if landmarks == "face-alignment" else None
    load = partial(load_stages, weights, device, fan, warp, blend)
    options = Options(which, sharpen, Wish(expression, candidates), max_faces)
    edit = partial(unmask, options=options, reference=own, drawn=drawn)
    work = _Work(load, edit, targets, mask, quality, panels)
    if jobs == 1:
        _ = work.stages  # loaded before the progress bar appears: an error is one line
    work_through(left, work, "unmasking", jobs)


@dataclass(frozen=True)
class _Work:
    """Unmasks a photo; loads the nets at first use, so that each process has its own."""

    load: "Callable[[], LocalStages]"
    edit: "Callable[[Photo, LocalStages], Awaitable[Unmasked]]"
    targets: Mapping[Path, Sequence[Path]]
    mask_file: Path | None
    quality: int
    has_panels: bool

    @cached_property
    def stages(self) -> "LocalStages":
        return self.load()

    @cached_property
    def loop(self) -> asyncio.AbstractEventLoop:
        # asyncio.run takes 10 ms more per photo: new threads, and a repr of the result's arrays.
        return asyncio.new_event_loop()

    def __call__(self, path: Path) -> str | None:
        """Writes the results; returns what to say of the photo."""
        photo, targets = read_photo(path), self.targets[path]
        check_holds(targets[0], photo.pixels)
        try:
            result = self.loop.run_until_complete(self.edit(photo, self.stages))
        except DrawnMaskError as error:
            raise DrawnMaskError(f"{self.mask_file}: {error}") from error
        # If nobody wears a mask, there is only one result. The path of the panels is left over.
        for target, pixels in zip(targets, result.best, strict=False):
            write_photo(target, pixels, photo.icc_profile, result.changed, self.quality)
        if self.has_panels:
            _write_panels(targets[-1], photo, result)
        bare = None if result.changed else "nobody wears a mask, left as it is"
        notes = (bare, _not_swapped(result), left_out(result.more))
        return "; ".join(note for note in notes if note) or None


def _targets(source: Path, out: Path, candidates: int, panels: bool) -> dict[Path, list[Path]]:
    """The files to write for each photo: the results, then the panels."""
    targets = {
        path: numbered(target, candidates) for path, target in targets_of(source, out).items()
    }
    if panels:
        for paths in targets.values():
            paths.append(paths[0].with_name(f"{paths[0].stem}_panels.jpg"))
    return targets


def _not_swapped(result: "Unmasked") -> str | None:
    """What to say of heads that are turned much farther than the reference's, if there is one."""
    if result.swapped is None:
        return None
    painted = [one for one in result.faces if one.painted is not None and one.swapped is None]
    if not painted:
        return None
    faces = "face is" if len(painted) == 1 else "faces are"
    return f"{len(painted)} {faces} turned too far for the reference: painted without it"


def _read(path: Path) -> "Photo":
    """Reads the photo of an option; messages about it start with its path."""
    try:
        return read_photo(path)
    except InputError as error:
        raise type(error)(f"{path}: {error}") from error


def _parse(faces: str) -> FaceChoice:
    try:
        return parse_face_choice(faces)
    except ValueError as error:
        raise typer.BadParameter(f"{error}.", param_hint="--faces") from None


def _write_panels(path: Path, photo: "Photo", result: "Unmasked") -> None:
    from serve_graph.cli.panels import draw_panels

    picture = draw_panels(photo.pixels, result)
    write_photo(path, picture, photo.icc_profile, result.changed)
