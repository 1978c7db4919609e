"""How a command fails: one line that says what to do; 1 for failed work, 2 for wrong use."""

from typing import Any

import typer
from typer.core import TyperGroup

from models.errors import Mask2FaceError


class OneLineErrors(TyperGroup):
    """Reports an expected error with its message instead of a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            command = (error.ctx or ctx).command_path
            message = error.format_message()
            end = "" if message.endswith((".", "?")) else "."
            complain(f"{message}{end} See `{command} --help`.")
            raise typer.Exit(2) from None
        except (Mask2FaceError, OSError) as error:
            complain(str(error))
            raise typer.Exit(1) from None


def complain(message: str) -> None:
    """Writes one line to stderr, as an error."""
    typer.secho(f"mask2face: {' '.join(message.split())}", fg="red", err=True)


def tell(message: str) -> None:
    """Writes one line to stderr."""
    typer.echo(message, err=True)
