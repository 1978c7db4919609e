"""What runs in Ray: the graph, its HTTP side and the command that starts it."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent  # where configs/ and weights/ lie
