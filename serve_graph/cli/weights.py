"""`mask2face weights`: checks and pins the nets' files."""

import hashlib
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from models.atomic_write import atomic_write
from models.errors import WeightsError
from serve_graph.cli.errors import complain
from serve_graph.cli.options import WEIGHTS, Weights

app = typer.Typer(help="Check and pin the nets' files.", no_args_is_help=True)


@app.command()
def verify(weights: Weights = WEIGHTS) -> None:
    """Check each file against the manifest, load its net and compare its cost with the budget."""
    from models.checkpoint import load_manifest
    from models.nets.budgets import FACE_BUDGET_GMAC, NETS, cost_of

    manifest = load_manifest(weights)
    table = Table("net", "MB", "parameters", "GMAC", "budget", "", title=manifest.version)
    problems, a_face = [], 0.0
    for name, spec in NETS.items():
        try:
            cost = cost_of(manifest, name)
        except WeightsError as error:
            problems.append(str(error))
            table.add_row(name, "", "", "", f"{spec.budget_gmac:.1f}", "failed")
            continue
        size, count = f"{cost.megabytes:.1f}", f"{cost.parameters:,}"
        table.add_row(name, size, count, *_held_to(spec.budget_gmac, cost.gmac, name, problems))
        a_face += cost.gmac if name != "crop" else 0.0
    table.add_row("a face", "", "", *_held_to(FACE_BUDGET_GMAC, a_face, "a face", problems))
    Console().print(table)
    for problem in problems:
        complain(problem)
    if problems:
        raise typer.Exit(1)


def _held_to(budget: float, gmac: float, name: str, problems: list[str]) -> tuple[str, str, str]:
    if gmac > budget:
        problems.append(f"{name} takes {gmac:.2f} GMAC, its budget is {budget:.1f}.")
    return f"{gmac:.2f}", f"{budget:.1f}", "ok" if gmac <= budget else "over"


@app.command()
def pin(
    name: Annotated[str, typer.Argument(help="crop, mask, landmarks or inpaint.")],
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Its .safetensors.")],
    trained: Annotated[str, typer.Option(help="One line on its training: data, images, time.")],
    licence: Annotated[str, typer.Option(help="Terms of use.")] = "research, non-commercial",
    weights: Weights = WEIGHTS,
) -> None:
    """Copy a net's file into the weights and pin it in the manifest."""
    from models.checkpoint import (
        MANIFEST_NAME,
        Entry,
        Manifest,
        file_sha256,
        load_manifest,
        load_net,
        save_manifest,
    )
    from models.nets.budgets import NETS

    if name not in NETS:
        raise typer.BadParameter(f"'{name}' is none of {', '.join(NETS)}.")
    load_net(file, NETS[name].net_class, NETS[name].config_class)  # raises if it is another net
    pinned = weights / f"{name}.safetensors"
    before = load_manifest(weights) if (weights / MANIFEST_NAME).exists() else None
    if file.resolve() != pinned.resolve():
        weights.mkdir(parents=True, exist_ok=True)
        with atomic_write(pinned) as part:
            shutil.copyfile(file, part)
    entry = Entry(pinned.name, file_sha256(pinned), pinned.stat().st_size, licence, trained)
    entries = {**(before.entries if before else {}), name: entry}
    version = version_of({name: entry.sha256 for name, entry in entries.items()})
    save_manifest(Manifest(weights, version, entries))
    since = f", before {before.version}" if before else ""
    typer.echo(f"{pinned}: {entry.size / 1e6:.1f} MB, weights version {version}{since}")


def version_of(digests: Mapping[str, str]) -> str:
    """The date and a short hash of all pinned files, such as 2026.11.24-1a2b3c."""
    everything = "".join(f"{name} {digests[name]}\n" for name in sorted(digests))
    return f"{datetime.now(UTC):%Y.%m.%d}-{hashlib.sha256(everything.encode()).hexdigest()[:6]}"
