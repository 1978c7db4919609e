"""`mask2face` and its commands.

Modules of this package import nothing heavy at the top, so that `--help` is instant: torch is
imported when a command runs, Ray only by `serve`.
"""

from typing import Annotated

import typer

from models.errors import WeightsError
from serve_graph import package_version
from serve_graph.cli import weights
from serve_graph.cli.compare import compare
from serve_graph.cli.detect import detect
from serve_graph.cli.errors import OneLineErrors, complain
from serve_graph.cli.expressions import expressions
from serve_graph.cli.label import label
from serve_graph.cli.options import WEIGHTS
from serve_graph.cli.run import run
from serve_graph.cli.serve import serve
from serve_graph.cli.synth import synth
from serve_graph.cli.train import evaluate, train
from serve_graph.cli.wear import wear

app = typer.Typer(
    name="mask2face",
    cls=OneLineErrors,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",  # joins the lines of a docstring's paragraph
)


def _tell_versions(wanted: bool) -> None:
    if not wanted:
        return

    from models.checkpoint import load_manifest

    typer.echo(f"mask2face {package_version()}")
    try:
        typer.echo(f"weights {load_manifest(WEIGHTS).version}")
    except WeightsError as error:
        complain(str(error))
        raise typer.Exit(1) from None
    raise typer.Exit


@app.callback()
def options(
    _version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_tell_versions,
            is_eager=True,
            help="Show the versions of the package and of the weights.",
        ),
    ] = False,
) -> None:
    """Takes the mask off a face."""


for command in (serve, run, expressions, detect, wear, synth, label, train, evaluate, compare):
    app.command()(command)
app.add_typer(weights.app, name="weights")
