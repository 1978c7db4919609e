"""What a run builds on beside its config: labels, lists and earlier nets, known by content."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.checkpoint import file_sha256
from models.training.crop.labels import boxes_digest, points_path, scenes_path
from models.training.crop.task import CropTraining
from models.training.frames import store_path
from models.training.inpaint_task import InpaintTraining


@dataclass(frozen=True)
class Origin:
    """A net, list or folder of photos that a run reads."""

    path: Path
    digest: str  # sha256 of its content


def faces_digest(config: Mapping[str, Any], settings: Any, data: Path) -> dict[str, str]:
    """`labels`: a digest of the names and landmarks in a config's sources.

    Raises:
        SourceError: `data` lacks a source, or one isn't laid out as `models.training.sources` says.
    """
    sources = [*config.get("sources", ()), *config.get("real", ())]
    if isinstance(settings, CropTraining):
        scenes_path(data, "scenes")  # checked first: they are the most work to make
        sources = [*settings.sources]
    return {"labels": store_path(data, sources, data).name} if sources else {}


def find_origins(
    net: str, config: Mapping[str, Any], settings: Any, data: Path, weights: Path
) -> dict[str, Origin]:
    """What else a run reads, by its role in the run; missing files are left out.

    Args:
        net: the net that is trained.
        config: content of its YAML.
        settings: its `task`, with the defaults filled in.
        data: folder with the sources.
        weights: folder of earlier nets.

    Raises:
        SourceError: `data` lacks the scenes, or they have no boxes.
    """
    files = _lists(config, settings) | _nets(net, config, settings, weights)
    found = {key: Origin(p, file_sha256(p)) for key, p in files.items() if p.is_file()}
    if isinstance(settings, CropTraining):
        scenes = scenes_path(data, "scenes")
        found["scenes"] = Origin(scenes, boxes_digest(scenes, points_path(data)))
    elif config.get("scenes"):  # backgrounds: the faces' points don't matter
        scenes = scenes_path(data, config["scenes"])
        found["scenes"] = Origin(scenes, boxes_digest(scenes))
    return found


def _lists(config: Mapping[str, Any], settings: Any) -> dict[str, Path]:
    """The CSV files that the config names."""
    named = {key: getattr(settings, key, "") for key in ("refused", "verdicts")}
    named["refused"] = named["refused"] or config.get("refused", "")
    return {key: Path(path) for key, path in named.items() if path}


def _nets(net: str, config: Mapping[str, Any], settings: Any, weights: Path) -> dict[str, Path]:
    """Weights of earlier trainings that the net learns from."""
    learns_from = {
        "landmarks": isinstance(settings, InpaintTraining) and settings.guided,
        "mask": net == "mask" and bool(config.get("real")),  # it labels them
        "crop": isinstance(settings, CropTraining) and bool(settings.unlabelled_score),
    }
    files = {name: f"{name}.safetensors" for name, used in learns_from.items() if used}
    if config.get("start"):
        files["start"] = config["start"]
    return {key: weights / file for key, file in files.items()}
