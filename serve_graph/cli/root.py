"""`mask2face` and its groups of commands.

Modules of this package import nothing heavy at the top, so that `--help` answers at once:
torch comes in when a command runs, Ray only with `serve`.
"""

import typer

from serve_graph.cli import weights
from serve_graph.cli.detect import detect
from serve_graph.cli.errors import OneLineErrors
from serve_graph.cli.expressions import expressions
from serve_graph.cli.label import label
from serve_graph.cli.run import run
from serve_graph.cli.serve import serve
from serve_graph.cli.synth import synth
from serve_graph.cli.train import evaluate, train
from serve_graph.cli.wear import wear

app = typer.Typer(
    name="mask2face",
    cls=OneLineErrors,
    help="Takes the mask off a face.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (serve, run, expressions, detect, wear, synth, label, train, evaluate):
    app.command()(command)
app.add_typer(weights.app, name="weights")
