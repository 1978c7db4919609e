"""The tables of `configs/train/ablations.yaml`: a base of settings, and what each row changes."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from models.training.config import KEYS
from models.training.settings import refuse_unknown

NETS = ("mask", "inpaint")
_EVERYBODY = {"held-back faces": ["*"]}


@dataclass(frozen=True)
class Table:
    name: str
    title: str
    net: str  # one of `NETS`
    rows: dict[str, dict[str, Any]]  # name of a row -> its training config, seed left out
    tests: dict[str, list[str]]  # name of a group of held-back faces -> patterns of SOURCE/NAME
    outlined: bool  # tested on outlined real masks too


def read_tables(path: Path) -> dict[str, Table]:
    """The tables of a plan, by name.

    Raises:
        ValueError: an unknown key or net.
    """
    plan = yaml.safe_load(path.read_text())
    refuse_unknown(plan, {"bases", "tables"}, str(path))
    return {name: _table(name, own, plan["bases"]) for name, own in plan["tables"].items()}


def _table(name: str, own: Mapping[str, Any], bases: Mapping[str, Any]) -> Table:
    refuse_unknown(own, {"title", "net", "base", "rows", "tests", "outlined"}, f"table {name}")
    if own["net"] not in NETS:
        raise ValueError(f"table {name}: net must be one of {', '.join(NETS)}")
    base = merged(bases[own["net"]], own.get("base") or {})
    rows = {row: merged(base, changes or {}) for row, changes in own["rows"].items()}
    for row, config in rows.items():
        refuse_unknown(config, KEYS[own["net"]] - {"seed", "start"}, f"row {row} of table {name}")
    tests = own.get("tests") or _EVERYBODY
    return Table(name, own["title"], own["net"], rows, tests, bool(own.get("outlined")))


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The base with some values changed, within nested mappings too."""
    result = deepcopy(dict(base))
    for key, value in changes.items():
        inner = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = merged(result[key], value) if inner else deepcopy(value)
    return result
