"""A run's task and schedule, built from its recipe and its faces."""

from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Any

import numpy as np

from models.checkpoint import file_sha256, load_net
from models.crop.net import DetectorConfig, FaceDetector
from models.errors import WeightsError
from models.landmarks.net import LandmarkConfig, LandmarkNet
from models.mask.unet import UNet, UNetConfig
from models.training.crop.labels import Picture, is_held_back, read_scenes, scenes_path
from models.training.crop.task import CropTask
from models.training.frames import Faces, load_faces, matching, store_path
from models.training.inpaint.task import InpaintTask
from models.training.judge.task import JudgeTask
from models.training.landmarks.task import LandmarkTask
from models.training.loop import Schedule, Task
from models.training.mask.real_masks import RealFaces, label_masks
from models.training.mask.task import MaskTask
from models.training.recipe import SIZES, builds_on, device_of, settings_of
from models.training.refused import read_refused, tell_refused
from models.training.settings import to_settings
from models.training.sources import source_names


def build_task(net: str, config: Mapping[str, Any], data: Path, cache: Path, weights: Path) -> Task:
    """The task that a config describes; `cache` holds the cut faces.

    Raises as `train_by`, but ValueError instead of ConfigError.
    """
    if net == "judge" and config.get("net"):
        raise ValueError(f"the sizes of {net} can't be set: leave 'net' out")
    seed, device = config["seed"], device_of(config)
    settings, used = settings_of(net, config), builds_on(net, config)
    sizes: Any = to_settings(SIZES[net], config.get("net", {}), "net") if net in SIZES else None
    if net == "crop":
        for key in ("verdicts", "refused"):
            if path := getattr(settings, key):
                _refuse_absent(key, path)
        earlier = _earlier(weights, device) if "crop" in used else None
        return CropTask(data, settings, seed, device, earlier, sizes)
    refused = _refused(config, data)  # before the long cutting: it may have mistakes
    faces = _faces(config, data, cache, refused)
    if net == "landmarks":
        return LandmarkTask(faces, settings, seed, device, sizes)
    if net == "inpaint":
        guesser = _guesser(weights, device) if "landmarks" in used else None
        favoured = _favoured(config, data, faces)
        return InpaintTask(faces, guesser, settings, seed, device, sizes, favoured)
    real = load_faces(data, config["real"], cache) if config.get("real") else None
    if net == "judge":
        if real is None:
            raise ValueError("judge needs 'real': sources of faces that wear masks")
        worn = _without(refused, real, data, config["real"])
        return JudgeTask(faces, worn, settings, seed, device)
    labelled = _labelled(config, real, refused, data, cache, weights) if real else None
    scenes = _training_scenes(data, config.get("scenes"))
    return MaskTask(faces, labelled, scenes, settings, seed, device, sizes)


def schedule_of(values: Mapping[str, Any], task: Task) -> Schedule:
    """The schedule of a config; `epochs` counts passes over the training faces.

    Raises:
        ValueError: an unknown key, or a value out of bounds.
    """
    values = dict(values)
    epochs = values.pop("epochs", None)
    if epochs is not None:
        assert isinstance(task, MaskTask | LandmarkTask | InpaintTask | JudgeTask)
        values["steps"] = max(1, round(epochs * len(task.faces) / task.settings.batch_size))
    return to_settings(Schedule, values, "schedule")


def _faces(config: Mapping[str, Any], data: Path, cache: Path, refused: Set[str]) -> Faces:
    faces = _without(refused, load_faces(data, config["sources"], cache), data, config["sources"])
    if config.get("only"):
        faces = matching(faces, source_names(data, config["sources"]), config["only"])
    if min(map(len, faces.split())) == 0:
        names = ", ".join(config["sources"])
        raise ValueError(f"{names}: {len(faces)} faces are too few, as every 20th is held back")
    count = config.get("faces")
    if count is None:
        return faces
    train, apart = faces.split()
    if count > len(train):
        raise ValueError(f"faces: {count} are wanted; the sources have {len(train)} to train on")
    # Spread over the sources, and the same in every run.
    chosen = train.rows[np.random.default_rng(0).permutation(len(train))[:count]]
    return faces.only(np.sort(np.concatenate([chosen, apart.rows])))


def _favoured(config: Mapping[str, Any], data: Path, faces: Faces) -> Faces | None:
    if not config.get("favoured"):
        return None
    favoured = matching(faces, source_names(data, config["sources"]), config["favoured"])
    if len(favoured.split()[0]) == 0:
        patterns = ", ".join(config["favoured"])
        raise ValueError(f"favoured: {patterns}: all faces of these names are held back")
    return favoured


def _earlier(weights: Path, device: str) -> FaceDetector:
    path = _built_on(weights, "crop", "for a first detector, set unlabelled_score: 0 in the task")
    return load_net(path, FaceDetector, DetectorConfig, device)


def _guesser(weights: Path, device: str) -> LandmarkNet:
    mend = "train landmarks and pin it there, or set guided: false in the task"
    path = _built_on(weights, "landmarks", mend)
    return load_net(path, LandmarkNet, LandmarkConfig, device)


def _built_on(weights: Path, net: str, mend: str) -> Path:
    """The file of an earlier net; if it is missing, an error that says what to do."""
    path = weights / f"{net}.safetensors"
    if not path.is_file():
        raise WeightsError(
            f"{path} is missing, and this config builds on it: {mend}, or name the folder that "
            "has it with --weights."
        )
    return path


def _labelled(
    config: Mapping[str, Any],
    real: Faces,
    refused: Set[str],
    data: Path,
    cache: Path,
    weights: Path,
) -> RealFaces:
    """Faces in real masks, labelled by the mask net of `weights`."""
    kept_faces = _without(refused, real, data, config["real"])
    path = _built_on(weights, "mask", "leave out the key 'real', whose faces it would label")
    store = store_path(data, config["real"], cache).name
    kept = cache / f"{store}_masks_{file_sha256(path)[:12]}.npz"  # another net, other labels
    return RealFaces(kept_faces, label_masks(load_net(path, UNet, UNetConfig), real, kept))


def _refused(config: Mapping[str, Any], data: Path) -> set[str]:
    if not config.get("refused"):
        return set()
    _refuse_absent("refused", config["refused"])
    refused = read_refused(config["refused"])
    sources = [*config["sources"], *config.get("real", ())]
    tell_refused(refused, source_names(data, sources).tolist())
    return refused


def _without(refused: Set[str], faces: Faces, data: Path, sources: Sequence[str]) -> Faces:
    if not refused:
        return faces
    names = source_names(data, sources)
    return faces.only(np.array([row for row in faces.rows if names[row] not in refused], np.int64))


def _refuse_absent(key: str, path: str) -> None:
    if not Path(path).is_file():
        raise ValueError(f"{key}: there is no {path}, seen from {Path.cwd()}")


def _training_scenes(data: Path, name: str | None) -> list[Picture]:
    """Photos for backgrounds, without the fifth that is held back to score the detector."""
    found = read_scenes(scenes_path(data, name)) if name else []
    return [scene for scene in found if not is_held_back(scene.name)]
