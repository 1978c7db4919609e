"""Writes an evaluation's report."""

import json
from dataclasses import asdict
from pathlib import Path

from models.training.evaluation.evaluate import Evaluation
from models.training.evaluation.markdown import to_markdown
from models.training.evaluation.report import summarize


def write_report(evaluation: Evaluation, out: Path) -> str:
    """Writes OUT/report.json, with the score of every picture, and OUT/report.md.

    Returns:
        The Markdown.
    """
    report = summarize(evaluation)
    content = {**asdict(report), "scores": asdict(evaluation)}
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.json").write_text(json.dumps(content, indent=1) + "\n")
    text = to_markdown(report)
    (out / "report.md").write_text(text)
    return text
