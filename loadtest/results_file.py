"""RESULTS.md: one section per program that measures, each with its newest run; numbers as JSON."""

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "results"
PROGRESS = Path(__file__).resolve().parents[1] / "runs" / "loadtest"  # where a run saves as it goes
RESULTS = Path(__file__).parent / "RESULTS.md"
_TITLE = "# What was measured\n\nWritten by the programs that the sections name.\n"


def publish(name: str, markdown: str, save: Callable[[Path], None]) -> None:
    """Replaces the last published run; runs that aren't published are in `PROGRESS` only.

    Args:
        name, markdown: the section; see `write_section`.
        save: writes the run's numbers into a folder.
    """
    save(FOLDER)
    write_section(name, markdown, RESULTS)


def write_section(name: str, markdown: str, path: Path) -> None:
    """Writes a section into the file, replacing the section of this name if there is one.

    Args:
        name: of the section; invisible when rendered.
        markdown: its text, heading included.
        path: the file.
    """
    text = path.read_text() if path.exists() else _TITLE
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    section = f"{begin}\n{markdown.strip()}\n{end}"
    old = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if old.search(text):
        text = old.sub(lambda _: section, text)
    else:
        text = f"{text.rstrip()}\n\n{section}\n"
    path.write_text(text)


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; all columns but the first are right-aligned."""
    line = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, line, *rows])


def show(value: float, digits: int = 1) -> str:
    """A number in a table."""
    return "–" if math.isnan(value) else f"{value:.{digits}f}"


def write_json(path: Path, content: Any) -> None:
    """Writes numbers into a file, at once or not at all; nan and inf, which JSON lacks, as null."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(_finite(content), indent=1, allow_nan=False) + "\n")
    part.replace(path)


def _finite(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_finite(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content
