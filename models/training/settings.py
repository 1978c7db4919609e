"""Checks a YAML's keys, types, lists and bounds once, where it is read.

A mistake raises a ValueError with one line that says what to write, before any face is cut. The
reader of the file adds its path with `blaming`.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import yaml

from models.errors import Mask2FaceError

Settings = TypeVar("Settings")

_WORDS = {
    int: "a whole number, without quotes",
    float: "a number, without quotes and like 0.001 (YAML takes 1e-3 for text)",
    bool: "true or false",
    str: "text",
    dict: "a mapping, such as {a: 1}",
}
_LISTS = {
    str: "a list of strings, such as [mine]",
    int: "a list of whole numbers, such as [1, 2]",
    float: "a list of numbers, such as [0.5, 0.5]",
}


class ConfigError(Mask2FaceError):
    """A settings file that can't be used. The message is one line: its path and what is wrong."""


@contextmanager
def blaming(source: Path | str) -> Iterator[None]:
    """Turns mistakes found in this block into a ConfigError that names their file or words."""
    try:
        yield
    except (ValueError, yaml.YAMLError) as error:
        raise ConfigError(f"{source}: {' '.join(str(error).split())}") from error


def to_settings(kind: type[Settings], values: Any, where: str) -> Settings:
    """Builds a dataclass from a YAML mapping; lists become tuples.

    Args:
        kind: a dataclass with fields of int, float, bool, str, or tuples of one of these.
        values: what the YAML says.
        where: name of the values, for the message.

    Raises:
        ValueError: not a mapping, an unknown or missing key, a value of the wrong type, or one
            that the dataclass refuses.
    """
    types = get_type_hints(kind)
    check_types(values, types, where)
    needed = [f.name for f in fields(kind) if f.default is MISSING]  # type: ignore[arg-type]
    refuse_missing(values, needed, where)
    try:
        return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error


def check_least(settings: object, least: float, *names: str) -> None:
    """Raises ValueError that names the first of these fields below `least`."""
    for name in names:
        value = getattr(settings, name)
        if not value >= least:
            raise ValueError(f"{name} is {value}: it must be {least} or more")


def check_shares(settings: object, *names: str) -> None:
    """Raises ValueError that names the first of these fields outside 0 to 1."""
    for name in names:
        value = getattr(settings, name)
        if not 0 <= value <= 1:
            raise ValueError(f"{name} is {value}: it must be from 0 to 1")


def check_types(values: Any, types: Mapping[str, Any], where: str) -> None:
    """Raises ValueError unless `values` maps known keys to values of the right types."""
    if not isinstance(values, Mapping):
        found = "empty" if values is None else repr(values)
        raise ValueError(f"{where} is {found}: it must be a mapping of keys, as in configs/train")
    refuse_unknown(values, set(types), where)
    for key, value in values.items():
        if not _fits(value, types[key]):
            raise ValueError(f"{where}: {key} is {value!r}: it must be {_words(types[key])}")


def refuse_missing(values: Mapping[str, Any], needed: Collection[str], where: str) -> None:
    """Raises ValueError that names the needed keys that are missing or empty."""
    missing = [key for key in needed if values.get(key) in (None, [], {})]
    if missing:
        raise ValueError(f"{where} needs {', '.join(missing)}: see the recipes in configs/train")


def refuse_unknown(values: Mapping[str, Any], known: Collection[str], where: str) -> None:
    """Raises ValueError that names the unknown keys."""
    unknown = sorted(set(values) - set(known), key=str)
    if unknown:
        raise ValueError(f"{where} has no key {unknown}; known: {sorted(known)}")


def _fits(value: Any, kind: Any) -> bool:
    if get_origin(kind) is tuple:
        item = get_args(kind)[0]
        return isinstance(value, list | tuple) and all(_fits(one, item) for one in value)
    if isinstance(value, bool):  # in Python it is an int as well
        return bool(kind is bool)
    return isinstance(value, (int, float) if kind is float else kind)


def _words(kind: Any) -> str:
    return _LISTS[get_args(kind)[0]] if get_origin(kind) is tuple else _WORDS[kind]
