"""The keys of `configs/train/NET.yaml`, their types and bounds."""

import math
from collections.abc import Collection, Mapping
from typing import Any, get_type_hints

import numpy as np
import torch

from models.nets.budgets import NETS
from models.training.crop.task import CropTraining
from models.training.inpaint.task import InpaintTraining
from models.training.judge.task import JudgeTraining
from models.training.landmarks.task import LandmarkTraining
from models.training.loop import Schedule
from models.training.mask.task import MaskTraining
from models.training.settings import check_types, refuse_missing, to_settings

TRAINED = ("crop", "mask", "landmarks", "inpaint", "judge")
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
SIZES = {net: spec.config_class for net, spec in NETS.items()}
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
_MAY_BE_ZERO = ("blocks", "depth")  # among the sizes of a net


def check_recipe(net: str, config: Any) -> None:
    """Raises ValueError for mistakes in a whole recipe, before any face is cut.

    Args:
        net: the net that it is for.
        config: what the YAML says.
    """
    if net not in TRAINED:
        raise ValueError(f"no net '{net}': choose one of {', '.join(TRAINED)}")
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
        net: one of `TRAINED`, the net that the config is for.
        config: what the YAML says.
        where: name of the config, for the message.
        useless: keys that aren't allowed here, nor in the schedule.
    """
    check_types(config, {key: _TYPES[key] for key in KEYS[net] - {*useless}}, where)
    _check_values(config, where)
    _check_schedule(net, config.get("schedule", {}), f"{where}: schedule", useless)
    to_settings(_TRAININGS[net], config.get("task", {}), f"{where}: task")
    if net in SIZES:
        sizes = config.get("net", {})
        to_settings(SIZES[net], sizes, f"{where}: net")
        for key, value in sizes.items():
            numbers, may_be_zero = np.asarray(value), key in _MAY_BE_ZERO
            if (numbers < 0).any() or ((numbers == 0).any() and not may_be_zero):
                least = "0 or more" if may_be_zero else "more than 0"
                raise ValueError(f"{where}: net: {key} is {value}: it must be {least}")


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


def settings_of(net: str, config: Mapping[str, Any]) -> Any:
    """The `task` of a config as its dataclass, with the defaults filled in.

    Raises:
        ValueError: an unknown key, a value of the wrong type or out of bounds.
    """
    return to_settings(_TRAININGS[net], config.get("task", {}), "task")


def builds_on(net: str, config: Mapping[str, Any]) -> list[str]:
    """The earlier nets that a run learns from, besides the one that it starts from.

    Raises as `settings_of`.
    """
    settings = settings_of(net, config)
    learns_from = {
        "landmarks": net == "inpaint" and settings.guided,
        "mask": net == "mask" and bool(config.get("real")),  # it labels them
        "crop": net == "crop" and bool(settings.unlabelled_score),
    }
    return [name for name, used in learns_from.items() if used]


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
