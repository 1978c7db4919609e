"""What a run's folder records: its config, and digests of all that it reads.

A run only resumes with what it was started with.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from models.atomic_write import atomic_write
from models.training.origins import Origin, faces_digest, find_origins
from models.training.settings import blaming
from models.training.sources import NoSourceError

WITH_OWN = ("mask", "landmarks", "inpaint")  # nets with a recipe for faces of one's own

_RECORD = "config.yaml"  # in the run's folder
_ORIGINS = "builds_on"  # its key with the sha256 of the nets, lists and boxes that the run reads
_ANEW = "give this run another folder with --run, or delete that one"
_MAY_CHANGE = {"schedule", "device"}  # when a run is resumed


def make_record(
    net: str, config: Mapping[str, Any], data: Path, run: Path, weights: Path
) -> dict[str, Any]:
    """The record of a run, the same as that of its start if it is resumed.

    Args:
        net: the net that is trained.
        config: content of its YAML.
        data: folder with the sources.
        run: the run's folder.
        weights: folder of earlier nets.

    Raises:
        ValueError: the run was started with something else.
        ConfigError: its record can't be read.
        SourceError: `data` lacks a source, or one isn't laid out as `models.training.sources` says.
    """
    asked = {"of": net, **config, **_labels(net, config, data)}
    origins = find_origins(net, config, data, weights)
    if (run / _RECORD).exists():
        begun = _read(run / _RECORD)
        _refuse_another(asked, begun, run)
        _refuse_other_origins(origins, begun, run)
    return asked | {_ORIGINS: {key: origin.digest for key, origin in origins.items()}}


def write_record(record: Mapping[str, Any], run: Path) -> None:
    """Writes the record, atomically, into the run's folder."""
    with atomic_write(run / _RECORD) as part:
        part.write_text(yaml.safe_dump(dict(record), sort_keys=False))


def _read(path: Path) -> dict[str, Any]:
    with blaming(path):
        begun = yaml.safe_load(path.read_text())
        if not isinstance(begun, dict):
            raise ValueError(f"the record of the run's start is empty or damaged: {_ANEW}")
    return begun


def _labels(net: str, config: Mapping[str, Any], data: Path) -> dict[str, str]:
    """`labels`: a digest of the names and landmarks in the config's sources."""
    try:
        return faces_digest(net, config, data)
    except NoSourceError as error:
        if net not in WITH_OWN:
            raise
        own = f"To train on your own faces only, as the source mine: configs/train/own/{net}.yaml"
        raise NoSourceError(f"{error}. {own}") from error


def _refuse_another(config: Mapping[str, Any], begun: Mapping[str, Any], run: Path) -> None:
    """A run keeps the config it started with: another seed or start would have no effect."""
    # Runs of older versions don't record which labels a detector saw.
    unknown = {_ORIGINS, *({"labels"} - {*begun})}
    keys = {*begun, *config} - _MAY_CHANGE - unknown
    other = sorted(key for key in keys if begun.get(key) != config.get(key))
    if other:
        raise ValueError(
            f"{run} was begun with another config or other faces (see {', '.join(other)} in "
            f"{run / _RECORD}): {_ANEW}"
        )


def _refuse_other_origins(
    origins: Mapping[str, Origin], begun: Mapping[str, Any], run: Path
) -> None:
    """A newer net would label the same faces differently in the middle of a run."""
    known = begun.get(_ORIGINS, {})  # runs of older versions have none
    other = [key for key, now in origins.items() if known.get(key, now.digest) != now.digest]
    if other:
        paths = ", ".join(str(origins[key].path) for key in other)
        raise ValueError(
            f"{run} was begun with other content of {paths} (see {', '.join(other)} of {_ORIGINS} "
            f"in {run / _RECORD}): restore it, name the folder that has it (for a net: with "
            f"--weights), or {_ANEW}"
        )
