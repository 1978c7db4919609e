"""The tables of `configs/train/ablations.yaml`: base settings, and what each row changes."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from models.training.recipe import check_values
from models.training.settings import blaming, check_types, refuse_missing

_IN_TABLES = ("mask", "inpaint")
_EVERYBODY = {"held-back faces": ["*"]}
_TYPES = {"title": str, "net": str, "base": dict, "rows": dict, "tests": dict, "outlined": bool}
# No row may set these: a table does, or nothing reads them.
_NOT_OF_A_ROW = ("seed", "start", "steps", "epochs", "log_every", "save_every", "workers")


@dataclass(frozen=True)
class Table:
    name: str
    title: str
    net: str  # mask or inpaint
    rows: dict[str, dict[str, Any]]  # name of a row -> its training config, without a seed
    tests: dict[str, list[str]]  # name of a group of held-back faces -> patterns of SOURCE/NAME
    outlined: bool  # also tested on outlined real masks
    plan: Path  # the file that it comes from


def read_tables(path: Path) -> dict[str, Table]:
    """The tables of a plan, by name.

    Raises:
        ConfigError: not YAML, an unknown key or net, a missing key, or a value of the wrong type.
        OSError: the plan can't be read.
    """
    with blaming(path):
        plan = yaml.safe_load(path.read_text())
        check_types(plan, {"bases": dict, "tables": dict}, "the plan")
        refuse_missing(plan, ("bases", "tables"), "the plan")
        check_types(plan["bases"], dict.fromkeys(_IN_TABLES, dict), "bases")
        bases, tables = plan["bases"], plan["tables"]
        return {str(name): _table(str(name), own, bases, path) for name, own in tables.items()}


def _table(name: str, own: Any, bases: Mapping[str, Any], plan: Path) -> Table:
    where = f"table {name}"
    check_types(own, _TYPES, where)
    refuse_missing(own, ("title", "net"), where)
    net, tests = own["net"], own.get("tests") or _EVERYBODY
    if net not in _IN_TABLES:
        raise ValueError(f"{where}: net must be one of {', '.join(_IN_TABLES)}")
    refuse_missing(own, ("rows",), where)
    refuse_missing(bases, (net,), "bases")
    check_types(tests, dict.fromkeys(tests, tuple[str, ...]), f"{where}: tests")
    base = merged(bases[net], own.get("base", {}))
    changes = {row: {} if change is None else change for row, change in own["rows"].items()}
    check_types(changes, dict.fromkeys(changes, dict), f"{where}: rows")
    rows = {str(row): merged(base, change) for row, change in changes.items()}
    for row, config in rows.items():
        _check_row(net, config, f"row {row} of table {name}")
    return Table(name, own["title"], net, rows, tests, own.get("outlined", False), plan)


def _check_row(net: str, config: Mapping[str, Any], where: str) -> None:
    check_values(net, config, where, useless=_NOT_OF_A_ROW)
    refuse_missing(config, ("device", "sources", "schedule", "task"), where)
    refuse_missing(config["schedule"], ("learning_rate",), f"{where}: schedule")
    refuse_missing(config["task"], ("batch_size",), f"{where}: task")


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The base with some values changed, also in nested mappings."""
    result = deepcopy(dict(base))
    for key, value in changes.items():
        inner = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = merged(result[key], value) if inner else deepcopy(value)
    return result
