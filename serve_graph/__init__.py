"""The Ray Serve graph, its HTTP API and web page, and the command line."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent  # contains configs/ and weights/
