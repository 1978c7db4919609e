"""The Ray Serve graph, its HTTP API and web page, and the command line."""

import tomllib
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent  # contains configs/ and weights/


@cache
def package_version() -> str:
    """The version of this code; the installed package's is that of the last `make install`."""
    content = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    version: str = content["project"]["version"]
    return version
