"""What `configs/train/NET.yaml` may say, and how a run is built from it."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import torch

from models.checkpoint import load_net
from models.landmarks.net import LandmarkConfig, LandmarkNet
from models.training.crop.labels import Picture, is_held_back, read_scenes
from models.training.frames import load_faces
from models.training.inpaint_task import InpaintTask, InpaintTraining
from models.training.landmark_task import LandmarkTask, LandmarkTraining
from models.training.loop import Schedule, Task, fit
from models.training.mask_task import MaskTask, MaskTraining

NETS = ("crop", "mask", "landmarks", "inpaint")

Settings = TypeVar("Settings")


def train(net: str, config: Mapping[str, Any], data: Path, run: Path, weights: Path) -> None:
    """Trains one net, or goes on where the run stopped.

    Args:
        net: one of `NETS`.
        config: content of its YAML: `seed`, `device`, `sources`, `schedule`, `task`.
        data: folder with the sources of faces.
        run: folder of the run; cut faces are cached beside it.
        weights: where trained nets lie that this one builds on (the editor: landmarks).

    Raises:
        ValueError: an unknown net or key.
    """
    known = {"seed", "device", "sources", "real", "scenes", "schedule", "task"}
    _refuse_unknown(config, known, "the training config")
    torch.manual_seed(int(config["seed"]))
    if config.get("schedule", {}).get("threads"):
        torch.set_num_threads(config["schedule"]["threads"])
    schedule = _settings(Schedule, config["schedule"])
    task, average = _task(net, config, data, run.parent / "cache", weights)
    fit(task, average, run, schedule)


def _task(
    net: str, config: Mapping[str, Any], data: Path, cache: Path, weights: Path
) -> tuple[Task, torch.nn.Module]:
    seed, device, values = int(config["seed"]), config["device"], config.get("task", {})
    if net == "crop":
        from models.training.crop.task import CropTask, CropTraining

        crop = CropTask(data, _settings(CropTraining, values), seed, device)
        return crop, crop.build()
    faces = load_faces(data, config["sources"], cache)
    task: LandmarkTask | MaskTask | InpaintTask
    if net == "landmarks":
        task = LandmarkTask(faces, _settings(LandmarkTraining, values), seed, device)
    elif net == "mask":
        real = load_faces(data, config["real"], cache) if config.get("real") else None
        scenes = _training_scenes(data, config.get("scenes"))
        task = MaskTask(faces, real, scenes, _settings(MaskTraining, values), seed, device)
    elif net == "inpaint":
        guesser = load_net(weights / "landmarks.safetensors", LandmarkNet, LandmarkConfig, device)
        task = InpaintTask(faces, guesser, _settings(InpaintTraining, values), seed, device)
    else:
        raise ValueError(f"no net '{net}': choose one of {', '.join(NETS)}")
    return task, task.build()


def _training_scenes(data: Path, name: str | None) -> list[Picture]:
    """Photos for backgrounds, without the tenth that measures the detector."""
    found = read_scenes(data / f"{name}.zip") if name else []
    return [scene for scene in found if not is_held_back(scene.name)]


def _settings(kind: type[Settings], values: Mapping[str, Any]) -> Settings:
    _refuse_unknown(values, {f.name for f in fields(kind)}, kind.__name__)  # type: ignore[arg-type]
    return kind(**values)


def _refuse_unknown(values: Mapping[str, Any], known: set[str], where: str) -> None:
    unknown = sorted(set(values) - known)
    if unknown:
        raise ValueError(f"{where} has no key {unknown}; known: {sorted(known)}")
