"""The keys of `configs/train/NET.yaml`, and how a run is built from them."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import torch
import yaml
from safetensors import SafetensorError
from safetensors.torch import load_file

from models.checkpoint import file_sha256, load_net
from models.crop.detect import Detector
from models.crop.net import DetectorConfig, FaceDetector
from models.errors import WeightsError
from models.inpaint.generator import GeneratorConfig
from models.landmarks.net import LandmarkConfig, LandmarkNet
from models.mask.unet import UNet, UNetConfig
from models.training.crop.labels import Picture, is_held_back, read_scenes, scenes_path
from models.training.crop.task import CropTask, CropTraining
from models.training.frames import (
    Faces,
    NoSourceError,
    load_faces,
    matching,
    read_refused,
    source_names,
    store_path,
)
from models.training.inpaint_task import InpaintTask, InpaintTraining
from models.training.judge_task import JudgeTask, JudgeTraining
from models.training.landmark_task import LandmarkTask, LandmarkTraining
from models.training.loop import Schedule, Task, fit
from models.training.mask_task import MaskTask, MaskTraining
from models.training.origins import Origin, faces_digest, find_origins
from models.training.real_masks import RealFaces, label_masks
from models.training.settings import Settings, blaming, check_types, refuse_missing, to_settings

NETS = ("crop", "mask", "landmarks", "inpaint", "judge")
WITH_OWN = ("mask", "landmarks", "inpaint")  # nets with a recipe for faces of one's own

_CONFIG = "config.yaml"  # in the run's folder
_ORIGINS = "builds_on"  # its key with the sha256 of the nets, lists and boxes that the run reads
_ANEW = "give this run another folder with --run, or delete that one"
_MAY_CHANGE = {"schedule", "device"}  # when a run is resumed
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


def train_by(recipe: Path, net: str, data: Path, run: Path, weights: Path) -> None:
    """Runs `train` with the config in a YAML file.

    Raises:
        ConfigError: the recipe isn't YAML, or holds what `train` refuses with a ValueError.
        OSError: the recipe can't be read.
        Mask2FaceError: as `train` does.
    """
    with blaming(recipe):
        train(net, yaml.safe_load(recipe.read_text()), data, run, weights)


def train(net: str, config: Mapping[str, Any], data: Path, run: Path, weights: Path) -> None:
    """Trains one net, or resumes a stopped run.

    Args:
        net: one of `NETS`.
        config: content of its YAML: `seed`; `device` (cpu, cuda or auto); `sources` of faces,
            limited to those in `only` (patterns of SOURCE/NAME), `faces` of them to train on;
            `favoured` (patterns of faces that the editor sees more often); `real`, sources of
            masked faces, without those in `refused` (a CSV file with SOURCE/NAME as `name`);
            `scenes`, photos for backgrounds; `net` (its sizes); `start` (a file in `weights` to
            start from); `schedule`; `task`.
        data: folder with the sources of faces.
        run: the run's folder; cut faces are cached beside it.
        weights: folder of the trained nets that this one builds on (the editor: landmarks; a mask
            net with `real`: an earlier mask net; a detector that leaves out unlabelled faces: an
            earlier detector).

    Raises:
        ValueError: an unknown net or key, a missing key, a value of the wrong type, a start file
            of other sizes, or a run that was started with another config.
        SourceError: `data` lacks a source, or it isn't laid out as `models.training.frames` says.
        WeightsError: `weights` lacks a net that this one builds on.
    """
    if net not in NETS:
        raise ValueError(f"no net '{net}': choose one of {', '.join(NETS)}")
    _check(net, config)
    record = _record(net, config, data, run, weights)
    torch.manual_seed(config["seed"])
    if _device(config).startswith("cuda"):
        torch.backends.cudnn.benchmark = True  # batches come in few shapes
        torch.set_float32_matmul_precision("high")
    if config["schedule"].get("threads"):
        torch.set_num_threads(config["schedule"]["threads"])
    task = build_task(net, config, data, run.parent / "cache", weights)
    if config.get("start"):
        _go_on_from(task, weights / config["start"])
    run.mkdir(parents=True, exist_ok=True)
    (run / _CONFIG).write_text(yaml.safe_dump(record, sort_keys=False))
    fit(task, task.build(), run, schedule_of(config["schedule"], task))


def _check(net: str, config: Any) -> None:
    """Reports mistakes before any face is cut."""
    where = f"the training config of {net}"
    check_values(net, config, where)
    needed = ["seed", "device", *(["sources"] if "sources" in KEYS[net] else []), "schedule"]
    refuse_missing(config, needed, where)
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
    types = {**get_type_hints(Schedule), "epochs": float}
    schedule = dict(config.get("schedule", {}))
    known = {key: kind for key, kind in types.items() if key not in useless}
    check_types(schedule, known, f"{where}: schedule")
    if not schedule.pop("epochs", 1) > 0:
        raise ValueError(f"{where}: schedule: epochs must be over 0")
    # Required keys may be missing here: ablations have a budget instead of steps.
    to_settings(Schedule, {"steps": 1, "learning_rate": 0} | schedule, f"{where}: schedule")
    to_settings(_TRAININGS[net], config.get("task", {}), f"{where}: task")
    if net in _SIZES:
        to_settings(_SIZES[net], config.get("net", {}), f"{where}: net")


def _record(
    net: str, config: Mapping[str, Any], data: Path, run: Path, weights: Path
) -> dict[str, Any]:
    """What the run's folder records: its config, and digests of what it reads.

    Raises:
        ValueError: the run was started with others.
        SourceError: as `train` does.
    """
    settings: Any = to_settings(_TRAININGS[net], config.get("task", {}), "task")
    asked = {"of": net, **config, **_labels(net, config, settings, data)}
    origins = find_origins(net, config, settings, data, weights)
    path = run / _CONFIG
    if path.exists():
        begun = yaml.safe_load(path.read_text())
        _refuse_another(asked, begun, run)
        _refuse_other_origins(origins, begun, run)
    return asked | {_ORIGINS: {key: origin.digest for key, origin in origins.items()}}


def _labels(net: str, config: Mapping[str, Any], settings: Any, data: Path) -> dict[str, str]:
    """`labels`: a digest of the names and landmarks in the config's sources."""
    try:
        return faces_digest(config, settings, data)
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
            f"{run / _CONFIG}): {_ANEW}"
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
            f"in {run / _CONFIG}): restore it, name the folder that has it (for a net: with "
            f"--weights), or {_ANEW}"
        )


def _go_on_from(task: Task, path: Path) -> None:
    try:
        task.net.load_state_dict(load_file(path))
    except (SafetensorError, OSError, RuntimeError) as error:
        raise ValueError(f"start: {path} doesn't fit this net: {error}") from error


def schedule_of(values: Mapping[str, Any], task: Task) -> Schedule:
    """The schedule of a config; `epochs` counts passes over the training faces.

    Raises:
        ValueError: an unknown key, both steps and epochs, or epochs for a task that has no single
            store of faces.
    """
    values = dict(values)
    epochs = values.pop("epochs", None)
    if epochs is not None:
        if "steps" in values:
            raise ValueError("schedule: give either steps or epochs")
        faces, settings = getattr(task, "faces", None), getattr(task, "settings", None)
        if faces is None or settings is None:
            raise ValueError("schedule: this net counts steps, not epochs")
        values["steps"] = max(1, round(epochs * len(faces) / settings.batch_size))
    return to_settings(Schedule, values, "schedule")


def build_task(net: str, config: Mapping[str, Any], data: Path, cache: Path, weights: Path) -> Task:
    """The task that a config describes; `cache` holds the cut faces. Raises as `train` does."""
    seed, device, values = config["seed"], _device(config), config.get("task", {})
    if net == "judge" and config.get("net"):
        raise ValueError(f"the sizes of {net} can't be set: leave 'net' out")
    if net == "crop":
        finding = to_settings(CropTraining, values, "task")
        for key in ("verdicts", "refused"):
            if path := getattr(finding, key):
                _refuse_absent(key, path)
        earlier = _earlier(weights, device) if finding.unlabelled_score else None
        return CropTask(data, finding, seed, device, earlier, _sizes(DetectorConfig, config))
    faces = _faces(config, data, cache)
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
        worn = _without_refused(config, data, real)
        return JudgeTask(faces, worn, to_settings(JudgeTraining, values, "task"), seed, device)
    labelled = _labelled(config, real, data, cache, weights) if real else None
    scenes = _training_scenes(data, config.get("scenes"))
    masking = to_settings(MaskTraining, values, "task")
    return MaskTask(faces, labelled, scenes, masking, seed, device, _sizes(UNetConfig, config))


def _device(config: Mapping[str, Any]) -> str:
    device: str = config["device"]
    seen = torch.cuda.is_available()
    if device == "auto":
        return "cuda" if seen else "cpu"
    if device.startswith("cuda") and not seen:
        raise ValueError("device: torch sees no GPU here; use cpu or auto")
    return device


def _faces(config: Mapping[str, Any], data: Path, cache: Path) -> Faces:
    faces = load_faces(data, config["sources"], cache)
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


def _earlier(weights: Path, device: str) -> Detector:
    path = _built_on(weights, "crop", "for a first detector, set unlabelled_score: 0 in the task")
    return Detector(load_net(path, FaceDetector, DetectorConfig, device), device)


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
    config: Mapping[str, Any], real: Faces, data: Path, cache: Path, weights: Path
) -> RealFaces:
    """Faces in real masks, labelled by the mask net of `weights`."""
    kept_faces = _without_refused(config, data, real)
    path = _built_on(weights, "mask", "leave out the key 'real', whose faces it would label")
    store = store_path(data, config["real"], cache).name
    kept = cache / f"{store}_masks_{file_sha256(path)[:12]}.npz"  # another net, other labels
    labelled = label_masks(load_net(path, UNet, UNetConfig), real, kept)
    return RealFaces(kept_faces, labelled.labels)


def _without_refused(config: Mapping[str, Any], data: Path, real: Faces) -> Faces:
    if not config.get("refused"):
        return real
    _refuse_absent("refused", config["refused"])
    refused = read_refused(config["refused"])
    names = source_names(data, config["real"])
    return real.only(np.array([row for row, name in enumerate(names) if name not in refused]))


def _refuse_absent(key: str, path: str) -> None:
    if not Path(path).is_file():
        raise ValueError(f"{key}: there is no {path}, seen from {Path.cwd()}")


def _training_scenes(data: Path, name: str | None) -> list[Picture]:
    """Photos for backgrounds, without the fifth that is held back to score the detector."""
    found = read_scenes(scenes_path(data, name)) if name else []
    return [scene for scene in found if not is_held_back(scene.name)]


def _sizes(kind: type[Settings], config: Mapping[str, Any]) -> Settings:
    return to_settings(kind, config.get("net", {}), "net")
