"""Markdown tables, and numbers in their cells."""

from collections.abc import Sequence

from models.training.statistics import Estimate


def number(value: Estimate | None, form: str) -> str:
    """The value with its interval; empty if unknown."""
    return "" if value is None else format(value, form)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
