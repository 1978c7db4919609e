"""`mask2face serve`: the graph on this machine."""

from pathlib import Path
from typing import Annotated

import typer


def serve(
    config: Annotated[Path, typer.Argument(exists=True, dir_okay=False, show_default=False)],
) -> None:
    """Check a config, then serve it until Ctrl-C."""
    from serve_graph import launch

    launch.serve(config)
