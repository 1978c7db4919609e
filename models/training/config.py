"""The keys of `configs/train/NET.yaml`, and how a run is built from them."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence, Set
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import torch
import yaml
from safetensors import SafetensorError
from safetensors.torch import load_file

from models.checkpoint import file_sha256, load_net
from models.crop.net import DetectorConfig, FaceDetector
from models.errors import WeightsError
from models.inpaint.generator import GeneratorConfig
from models.landmarks.net import LandmarkConfig, LandmarkNet
from models.mask.unet import UNet, UNetConfig
from models.training.crop.labels import Picture, is_held_back, read_scenes, scenes_path
from models.training.crop.task import CropTask, CropTraining
from models.training.frames import Faces, load_faces, matching, store_path
from models.training.inpaint_task import InpaintTask, InpaintTraining
from models.training.judge_task import JudgeTask, JudgeTraining
from models.training.landmark_task import LandmarkTask, LandmarkTraining
from models.training.lock import locked
from models.training.loop import Schedule, Task, fit
from models.training.mask_task import MaskTask, MaskTraining
from models.training.real_masks import RealFaces, label_masks
from models.training.record import make_record, write_record
from models.training.refused import read_refused, tell_refused
from models.training.settings import Settings, blaming, check_types, refuse_missing, to_settings
from models.training.sources import source_names

NETS = ("crop", "mask", "landmarks", "inpaint", "judge")
_ALL = {"seed", "device", "net", "start", "schedule", "task"}
_CUT = {"sources", "only", "faces"}  # for nets trained on faces cut to the frame
KEYS = {
    "crop": _ALL,
    "landmarks": _ALL | _CUT,
    "inpaint": _ALL | _CUT | {"favoured"},
    "mask": _ALL | _CUT | {"real", "refused", "scenes"},
    "judge": _ALL | _CUT | {"real", "refused"},
}
_TRAININGS = {
    "crop": CropTraining,
    "mask": MaskTraining,
    "landmarks": LandmarkTraining,
    "inpaint": InpaintTraining,
    "judge": JudgeTraining,
}
_SIZES = {
    "crop": DetectorConfig,
    "mask": UNetConfig,
    "landmarks": LandmarkConfig,
    "inpaint": GeneratorConfig,
}
_NAMES = tuple[str, ...]
_TYPES: dict[str, Any] = {
    "seed": int,
    "device": str,
    "net": dict,
    "start": str,
    "schedule": dict,
    "task": dict,
    "sources": _NAMES,
    "only": _NAMES,
    "faces": int,
    "favoured": _NAMES,
    "real": _NAMES,
    "refused": str,
    "scenes": str,
}
_LEAST = {"seed": 0, "faces": 1}
_MAY_BE_NONE = ("blocks", "depth")  # among the sizes of a net


def train_by(recipe: Path, net: str, data: Path, run: Path, weights: Path) -> None:
    """Runs `train` with the config in a YAML file.

    Raises:
        ConfigError: the recipe isn't YAML, or holds what `train` refuses with a ValueError.
        OSError: the recipe can't be read.
        Mask2FaceError: as `train` does.
    """
    with blaming(recipe):
        config = yaml.safe_load(recipe.read_text())
    _train(net, config, data, run, weights, partial(blaming, recipe))


def train(net: str, config: Mapping[str, Any], data: Path, run: Path, weights: Path) -> None:
    """Trains one net, or resumes a stopped run.

    Args:
        net: one of `NETS`.
        config: content of its YAML: `seed`; `device` (cpu, cuda, cuda:N or auto); `sources` of
            faces, limited to those in `only` (patterns of SOURCE/NAME), `faces` of them to train
            on; `favoured` (patterns of faces that the editor sees more often); `real`, sources of
            masked faces; `refused`, a CSV file with faces of either to leave out (SOURCE/NAME as
            `name`); `scenes`, photos for backgrounds; `net` (its sizes); `start` (a file in
            `weights` to start from); `schedule`; `task`.
        data: folder with the sources of faces.
        run: the run's folder; cut faces are cached beside it.
        weights: folder of the trained nets that this one builds on (the editor: landmarks; a mask
            net with `real`: an earlier mask net; a detector that leaves out unlabelled faces: an
            earlier detector).

    Raises:
        ValueError: an unknown net or key, a missing key, a value of the wrong type, a start file
            of other sizes, or a run that was started with another config.
        SourceError: `data` lacks a source, or it isn't laid out as `models.training.sources` says.
        WeightsError: `weights` lacks a net that this one builds on.
        ConfigError: the record in the run's folder can't be read.
        CheckpointError: nor can its checkpoint.
    """
    _train(net, config, data, run, weights, nullcontext)


def _train(
    net: str,
    config: Mapping[str, Any],
    data: Path,
    run: Path,
    weights: Path,
    blame: Callable[[], AbstractContextManager[None]],  # around what reads the config
) -> None:
    with blame():
        _check(net, config)
    # Two trainings in one folder would write over each other's checkpoints.
    with locked(run / "lock", f"it trains in {run}"):
        with blame():
            task, schedule = _begin(net, config, data, run, weights)
        fit(task, task.build(), run, schedule)


def _begin(
    net: str, config: Mapping[str, Any], data: Path, run: Path, weights: Path
) -> tuple[Task, Schedule]:
    """Builds the task and its schedule, and records in the run's folder from what."""
    settings: Any = to_settings(_TRAININGS[net], config.get("task", {}), "task")
    record = make_record(net, config, settings, data, run, weights)
    torch.manual_seed(config["seed"])
    if device_of(config).startswith("cuda"):
        torch.backends.cudnn.benchmark = True  # batches come in few shapes
        torch.set_float32_matmul_precision("high")
    if config["schedule"].get("threads"):
        torch.set_num_threads(config["schedule"]["threads"])
    task = build_task(net, config, data, run.parent / "cache", weights)
    if config.get("start"):
        _go_on_from(net, task, weights / config["start"])
    schedule = schedule_of(config["schedule"], task)
    write_record(record, run)
    return task, schedule


def _check(net: str, config: Any) -> None:
    """Reports mistakes before any face is cut."""
    if net not in NETS:
        raise ValueError(f"no net '{net}': choose one of {', '.join(NETS)}")
    where = f"the training config of {net}"
    check_values(net, config, where)
    needed = ["seed", "device", *(["sources"] if "sources" in KEYS[net] else []), "schedule"]
    refuse_missing(config, needed, where)
    device_of(config)
    schedule = config["schedule"]
    length = "epochs" if "epochs" in schedule else "steps"
    refuse_missing(schedule, [length, "learning_rate"], f"{where}: schedule")


def check_values(net: str, config: Any, where: str, useless: Collection[str] = ()) -> None:
    """Raises ValueError unless all keys are known, and all values, nested ones included, have the
    right types and are within bounds.

    Args:
        net: one of `NETS`, the net that the config is for.
        config: what the YAML says.
        where: name of the config, for the message.
        useless: keys that aren't allowed here, nor in the schedule.
    """
    check_types(config, {key: _TYPES[key] for key in KEYS[net] - {*useless}}, where)
    _check_values(config, where)
    _check_schedule(net, config.get("schedule", {}), f"{where}: schedule", useless)
    to_settings(_TRAININGS[net], config.get("task", {}), f"{where}: task")
    if net in _SIZES:
        sizes = config.get("net", {})
        to_settings(_SIZES[net], sizes, f"{where}: net")
        for key, value in sizes.items():
            if key not in _MAY_BE_NONE and (np.asarray(value) <= 0).any():
                raise ValueError(f"{where}: net: {key} is {value}: it must be more than 0")


def _check_values(config: Mapping[str, Any], where: str) -> None:
    for key, least in _LEAST.items():
        if config.get(key, least) < least:
            raise ValueError(f"{where}: {key} is {config[key]}: it must be {least} or more")
    for key in ("sources", "real"):
        names = config.get(key, ())
        if len(set(names)) < len(names):
            raise ValueError(f"{where}: {key} is {list(names)}: name each source once")


def _check_schedule(
    net: str, values: Mapping[str, Any], where: str, useless: Collection[str]
) -> None:
    types = get_type_hints(Schedule)
    if "sources" in KEYS[net]:  # the detector has no single store of faces to pass over
        types["epochs"] = float
    check_types(values, {key: kind for key, kind in types.items() if key not in useless}, where)
    if {"steps", "epochs"} <= values.keys():
        raise ValueError(f"{where}: give either steps or epochs")
    schedule = dict(values)
    epochs = schedule.pop("epochs", 1)
    if not 0 < epochs < math.inf:
        raise ValueError(f"{where}: epochs is {epochs}: it must be more than 0 and finite")
    # Required keys may be missing here: ablations have a budget instead of steps.
    to_settings(Schedule, {"steps": 1, "learning_rate": 0} | schedule, where)


def _go_on_from(net: str, task: Task, path: Path) -> None:
    try:
        task.net.load_state_dict(load_file(path))
    except (SafetensorError, OSError) as error:
        raise ValueError(f"start: {path} can't be read: {error}") from error
    except RuntimeError:  # torch lists all tensors
        raise ValueError(
            f"start: {path} doesn't fit this net: it holds no {net} net, or one of other sizes"
        ) from None


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


def build_task(net: str, config: Mapping[str, Any], data: Path, cache: Path, weights: Path) -> Task:
    """The task that a config describes; `cache` holds the cut faces. Raises as `train` does."""
    seed, device, values = config["seed"], device_of(config), config.get("task", {})
    if net == "judge" and config.get("net"):
        raise ValueError(f"the sizes of {net} can't be set: leave 'net' out")
    if net == "crop":
        finding = to_settings(CropTraining, values, "task")
        for key in ("verdicts", "refused"):
            if path := getattr(finding, key):
                _refuse_absent(key, path)
        earlier = _earlier(weights, device) if finding.unlabelled_score else None
        return CropTask(data, finding, seed, device, earlier, _sizes(DetectorConfig, config))
    refused = _refused(config, data)  # before the long cutting: it may have mistakes
    faces = _faces(config, data, cache, refused)
    if net == "landmarks":
        training = to_settings(LandmarkTraining, values, "task")
        return LandmarkTask(faces, training, seed, device, _sizes(LandmarkConfig, config))
    if net == "inpaint":
        painting = to_settings(InpaintTraining, values, "task")
        guesser = _guesser(weights, device) if painting.guided else None
        sizes, favoured = _sizes(GeneratorConfig, config), _favoured(config, data, faces)
        return InpaintTask(faces, guesser, painting, seed, device, sizes, favoured)
    real = load_faces(data, config["real"], cache) if config.get("real") else None
    if net == "judge":
        if real is None:
            raise ValueError("judge needs 'real': sources of faces that wear masks")
        worn = _without(refused, real, data, config["real"])
        return JudgeTask(faces, worn, to_settings(JudgeTraining, values, "task"), seed, device)
    labelled = _labelled(config, real, refused, data, cache, weights) if real else None
    scenes = _training_scenes(data, config.get("scenes"))
    masking = to_settings(MaskTraining, values, "task")
    return MaskTask(faces, labelled, scenes, masking, seed, device, _sizes(UNetConfig, config))


def device_of(config: Mapping[str, Any]) -> str:
    """The device that a config's `device` means on this machine, such as cpu or cuda.

    Raises:
        ValueError: this machine doesn't have it.
    """
    device: str = config["device"]
    seen = torch.cuda.is_available()
    if device == "auto":
        return "cuda" if seen else "cpu"
    if device.startswith("cuda") and not seen:
        raise ValueError("device: torch sees no GPU here; use cpu or auto")
    gpus = [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    known = ["cpu", "auto", *(["cuda", *gpus] if seen else [])]
    if device not in known:
        raise ValueError(f"device is '{device}': it must be one of {', '.join(known)}")
    return device


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
    return matching(faces, source_names(data, config["sources"]), config["favoured"])


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
    labelled = label_masks(load_net(path, UNet, UNetConfig), real, kept)
    return RealFaces(kept_faces, labelled.labels)


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


def _sizes(kind: type[Settings], config: Mapping[str, Any]) -> Settings:
    return to_settings(kind, config.get("net", {}), "net")
