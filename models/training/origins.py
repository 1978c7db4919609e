"""What a run builds on beside its config: labels, lists and earlier nets, known by content."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.checkpoint import file_sha256
from models.training.crop.labels import boxes_digest, points_path, scenes_path
from models.training.frames import store_path
from models.training.recipe import builds_on, settings_of


@dataclass(frozen=True)
class Origin:
    """A net, list or folder of photos that a run reads."""

    path: Path
    digest: str  # sha256 of its content


def faces_digest(net: str, config: Mapping[str, Any], data: Path) -> dict[str, str]:
    """`labels`: a digest of the names and landmarks in a config's sources.

    Raises:
        SourceError: `data` lacks a source, or one isn't laid out as `models.training.sources` says.
    """
    sources = [*config.get("sources", ()), *config.get("real", ())]
    if net == "crop":
        scenes_path(data, "scenes")  # checked first: they are the most work to make
        sources = [*settings_of(net, config).sources]
    return {"labels": store_path(data, sources, data).name} if sources else {}


def find_origins(
    net: str, config: Mapping[str, Any], data: Path, weights: Path
) -> dict[str, Origin]:
    """What else a run reads, by its role in the run; missing files are left out.

    Args:
        net: the net that is trained.
        config: content of its YAML.
        data: folder with the sources.
        weights: folder of earlier nets.

    Raises:
        SourceError: `data` lacks the scenes, or they have no boxes.
    """
    files = _lists(net, config) | _nets(net, config, weights)
    found = {key: Origin(p, file_sha256(p)) for key, p in files.items() if p.is_file()}
    if net == "crop":
        scenes = scenes_path(data, "scenes")
        found["scenes"] = Origin(scenes, boxes_digest(scenes, points_path(data)))
    elif config.get("scenes"):  # backgrounds: the faces' points don't matter
        scenes = scenes_path(data, config["scenes"])
        found["scenes"] = Origin(scenes, boxes_digest(scenes))
    return found


def _lists(net: str, config: Mapping[str, Any]) -> dict[str, Path]:
    """The CSV files that the config names."""
    settings = settings_of(net, config)
    named = {key: getattr(settings, key, "") for key in ("refused", "verdicts")}
    named["refused"] = named["refused"] or config.get("refused", "")
    return {key: Path(path) for key, path in named.items() if path}


def _nets(net: str, config: Mapping[str, Any], weights: Path) -> dict[str, Path]:
    """Weights of earlier trainings that the net learns from."""
    files = {name: f"{name}.safetensors" for name in builds_on(net, config)}
    if config.get("start"):
        files["start"] = config["start"]
    return {key: weights / file for key, file in files.items()}
