"""`mask2face serve`: serves the graph on this machine."""

from pathlib import Path
from typing import Annotated

import typer

from serve_graph.cli.errors import complain
from serve_graph.cli.options import check_is_clone


def serve(
    config: Annotated[
        Path,
        typer.Argument(
            exists=True,
            dir_okay=False,
            help="Config to serve, such as configs/laptop.yaml.",
            show_default=False,
        ),
    ],
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Start nothing, only report what is wrong with the config (GPUs may be missing). "
            "Run it before `serve deploy`.",
        ),
    ] = False,
    host: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Overrides the config's host; 0.0.0.0 serves the whole network, without a login.",
            show_default=False,
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="Overrides the config's port.", show_default=False),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(
            help="cpu or cuda: where the nets run, whatever the config says.", show_default=False
        ),
    ] = None,
    num_gpus: Annotated[
        int | None,
        typer.Option(
            help="Number of GPUs that Ray assumes, instead of those it finds (they need not "
            "exist).",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Check a config, then serve it until Ctrl-C."""
    check_is_clone()
    from serve_graph import launch
    from serve_graph.config_file import ConfigError, load_config

    try:
        content = load_config(config, host, port, device, needs_gpu=not check)
        if check:
            typer.echo(f"{config}: no problems found.")
        else:
            launch.serve(content, num_gpus)
    except ConfigError as error:
        for line in str(error).splitlines():
            complain(line)
        raise typer.Exit(2) from None
