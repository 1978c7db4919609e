"""`mask2face serve`: the graph on this machine."""

from pathlib import Path
from typing import Annotated

import typer

from serve_graph.cli.errors import complain


def serve(
    config: Annotated[Path, typer.Argument(exists=True, dir_okay=False, show_default=False)],
    port: Annotated[
        int | None, typer.Option(help="Instead of the config's.", show_default=False)
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="Instead of the config's.", show_default=False)
    ] = None,
    num_gpus: Annotated[
        int | None,
        typer.Option(help="Logical GPUs, instead of those that are found.", show_default=False),
    ] = None,
) -> None:
    """Check a config, then serve it until Ctrl-C."""
    from serve_graph.launch import ConfigError
    from serve_graph.launch import serve as serve_config

    try:
        serve_config(config, port, device, num_gpus)
    except ConfigError as error:
        for line in str(error).splitlines():
            complain(line)
        raise typer.Exit(2) from None
