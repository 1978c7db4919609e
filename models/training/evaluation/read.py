"""Reads an evaluation back from its report."""

import json
from dataclasses import is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from models.errors import Mask2FaceError
from models.training.evaluation.evaluate import Evaluation


class ReportError(Mask2FaceError):
    """A report that can't be read, or can't be compared with another. The message is one line."""


def read_evaluation(out: Path) -> Evaluation:
    """The scores in OUT/report.json, as `write_report` writes it.

    Raises:
        ReportError: there is none, it is damaged, or another version wrote it.
    """
    path = out / "report.json"
    if not path.is_file():
        raise ReportError(f"{out} has no report.json: give the folder of `evaluate FOLDER -o OUT`.")
    try:
        evaluation: Evaluation = _built(Evaluation, json.loads(path.read_bytes())["scores"])
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise ReportError(
            f"{path} is damaged, or another version wrote it: run `evaluate` again."
        ) from error
    return evaluation


def _built(kind: Any, value: Any) -> Any:
    """What `asdict` and JSON made of a field: the dataclass, list, dict or tuple that it was."""
    of = get_args(kind)
    if isinstance(kind, type) and is_dataclass(kind):
        kinds = get_type_hints(kind)
        return kind(**{name: _built(kinds[name], own) for name, own in value.items()})
    if get_origin(kind) is UnionType:  # something or None
        return None if value is None else _built(of[0], value)
    if get_origin(kind) is list:
        return [_built(of[0], own) for own in value]
    if get_origin(kind) is dict:
        return {name: _built(of[1], own) for name, own in value.items()}
    return tuple(value) if get_origin(kind) is tuple else value
