"""The pictures that a command reads and writes, and how it continues after a bad one."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.progress import Progress

from models.atomic_write import atomic_write
from models.choices import QUALITY
from models.errors import InputError, ReferencePhotoError
from serve_graph.cli.errors import complain, tell
from serve_graph.cli.jobs import Work, calls_of

if TYPE_CHECKING:
    from models.photo.decode import Photo
    from models.photo.encode import AnswerFormat
    from models.pixels import Image

_NAMED = 3  # most files or folders named in a message
_HEIC = (".heic", ".heif")
_FORMATS: "dict[str, AnswerFormat]" = {
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
    ".png": "png",
    ".webp": "webp",
}


def pictures_of(source: Path) -> list[Path]:
    """The picture itself, or a folder's pictures by suffix; reports what else the folder holds.

    Hidden files are skipped silently.

    Raises:
        typer.BadParameter: the folder itself holds none; the message names its subfolders.
    """
    if not source.is_dir():
        return [source]
    known = {*_FORMATS, *_HEIC}
    shown = sorted(path for path in source.iterdir() if not path.name.startswith("."))
    folders = [path.name for path in shown if path.is_dir()]
    files = [path for path in shown if not path.is_dir()]
    found = [path for path in files if path.suffix.lower() in known]
    others = [path.name for path in files if path.suffix.lower() not in known]
    if not found:
        nested = _advice_on(folders)
        raise typer.BadParameter(f"{source} holds no picture ({', '.join(sorted(known))}).{nested}")
    _tell_left_out(others, folders)
    return found


def _tell_left_out(files: Sequence[str], folders: Sequence[str]) -> None:
    what = [f"{_some(files)} (format)"] if files else []
    if folders:
        what.append(f"{len(folders)} folder{'s' * (len(folders) > 1)} ({_some(folders)})")
    if what:
        tell(f"left out: {', '.join(what)}")


def _advice_on(folders: Sequence[str]) -> str:
    if not folders:
        return ""
    return (
        f" Its subfolders aren't searched ({_some(folders)}): name one of them, or collect their "
        "photos in one folder, as docs/training.md shows."
    )


def _some(names: Sequence[str]) -> str:
    rest = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{rest}"


def targets_of(source: Path, out: Path) -> dict[Path, Path]:
    """The output path for each picture: its own name, ending in .jpg if it can't be kept (HEIC).

    `out` is a folder or, for a single picture, a file in any format that can be written.

    Raises:
        typer.BadParameter: that file's format can't be written.
    """
    if not source.is_dir() and out.suffix and not out.is_dir():
        check_format(out, ", or give a folder")
        return {source: out}
    return {path: out / _answer_name(path) for path in pictures_of(source)}


def check_format(path: Path, otherwise: str = "") -> None:
    """Raises typer.BadParameter if no picture can be written under this name."""
    if path.suffix.lower() not in _FORMATS:
        known = ", ".join(_FORMATS)
        raise typer.BadParameter(f"{path}: end the name in one of {known}{otherwise}.")


def check_holds(path: Path, pixels: "Image") -> None:
    """Raises BadRequestError if the format of the suffix can't hold a picture of this size."""
    from models.photo.encode import check_size

    check_size(pixels, _FORMATS[path.suffix.lower()])


def check_written(written: Mapping[Path, Sequence[Path]], others: Iterable[Path] = ()) -> None:
    """Checks that the files to write spare the inputs and each other.

    Args:
        written: the files to write, by the picture that they come from.
        others: further inputs.

    Raises:
        typer.BadParameter: one is an input, or two are the same, or would be on a disk that
            ignores case.
    """
    inputs = {_caseless(path) for path in (*written, *others)}
    taken: dict[str, Path] = {}
    for source, paths in written.items():
        for path in paths:
            place = _caseless(path)
            if place in inputs:
                raise typer.BadParameter(f"{path} would overwrite an input: choose another place.")
            if place in taken:
                names = f"{taken[place].name} and {source.name}"
                raise typer.BadParameter(f"{names} would both become {path.name}: rename one.")
            taken[place] = source


def _caseless(path: Path) -> str:
    """The same for all names of a file on the disks of macOS and Windows."""
    return str(path.resolve()).casefold()


def not_done(targets: Mapping[Path, Sequence[Path]]) -> list[Path]:
    """The pictures of which a file that they become is missing; says how many the others are."""
    left = [path for path, written in targets.items() if not all(map(Path.exists, written))]
    if len(left) < len(targets):
        tell(f"{len(targets) - len(left)} of {len(targets)} already done")
    return left


def numbered(target: Path, count: int) -> list[Path]:
    """The output paths for one photo: OUT, or OUT_1, OUT_2 and so on if there are several."""
    if count == 1:
        return [target]
    ranks = range(1, count + 1)
    return [target.with_name(f"{target.stem}_{rank}{target.suffix}") for rank in ranks]


def read_photo(path: Path) -> "Photo":
    """Decodes the photo within the service's limits."""
    from models.photo.decode import decode_photo

    return decode_photo(path.read_bytes())


def write_photo(
    path: Path,
    pixels: "Image",
    profile: bytes | None = None,
    face_changed: bool = False,
    quality: int = QUALITY,
) -> None:
    """Writes a picture in the format of the suffix, all of it or nothing; creates the folder.

    `quality` applies to JPEG and WebP, 1 to 100.
    """
    from models.photo.encode import encode_photo

    path.parent.mkdir(parents=True, exist_ok=True)
    data = encode_photo(
        pixels,
        format=_FORMATS[path.suffix.lower()],
        quality=quality,
        icc_profile=profile,
        face_changed=face_changed,
    )
    with atomic_write(path) as part:
        part.write_bytes(data)


def work_through(paths: Sequence[Path], work: Work, title: str, jobs: int = 1) -> None:
    """Runs `work` on each picture with a progress bar; it may return a note to show.

    With several `jobs`, it runs in so many processes, see `calls_of`.

    Raises:
        typer.Exit: code 1, after all pictures, if any failed; each is named with its reason.
        ReferencePhotoError: at once, since every picture would fail the same way.
        KilledError: one of several processes was killed.
    """
    failed: list[str] = []
    with (
        Progress(console=Console(stderr=True)) as progress,
        calls_of(work, paths, jobs) as calls,
    ):
        made = progress.track(zip(paths, calls, strict=True), len(paths), description=title)
        for path, call in made:
            try:
                note = call()
            except ReferencePhotoError:
                raise
            except (InputError, OSError) as error:
                failed.append(f"{path.name}: {error}")
                continue
            if note:
                progress.console.print(f"{path.name}: {note}", markup=False, highlight=False)
    if not failed:
        return
    for line in failed:
        complain(line)
    if len(paths) > 1:
        complain(f"{len(failed)} of {len(paths)} pictures failed.")
    raise typer.Exit(1)


def _answer_name(path: Path) -> str:
    return path.name if path.suffix.lower() in _FORMATS else f"{path.stem}.jpg"
