"""The command `mask2face`."""

from serve_graph.cli.root import app

__all__ = ["app"]
