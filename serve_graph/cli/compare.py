"""`mask2face compare`: what became better and what worse between two evaluations."""

from pathlib import Path
from typing import Annotated

import typer


def compare(
    before: Annotated[
        Path,
        typer.Argument(
            exists=True, file_okay=False, help="Folder that `evaluate` wrote.", show_default=False
        ),
    ],
    after: Annotated[
        Path,
        typer.Argument(
            exists=True,
            file_okay=False,
            help="Folder of another `evaluate`, on the same pictures.",
            show_default=False,
        ),
    ],
) -> None:
    """Compare two evaluations picture by picture: which metrics became better or worse.

    Differences of the same pictures vary less than the pictures themselves, so smaller gains show
    than by comparing the intervals of two reports.
    """
    from models.training.evaluation.comparison import compare_evaluations, comparison_table
    from models.training.evaluation.read import read_evaluation

    comparison = compare_evaluations(read_evaluation(before), read_evaluation(after))
    typer.echo(comparison_table(comparison))
