"""Trains one net by its recipe."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors import SafetensorError
from safetensors.torch import load_file

from models.training.build import build_task, schedule_of
from models.training.lock import locked
from models.training.loop import Schedule, Task, fit
from models.training.overrides import override
from models.training.recipe import check_recipe, device_of
from models.training.record import make_record, write_record
from models.training.settings import blaming


def train_by(
    recipe: Path, net: str, data: Path, run: Path, weights: Path, overrides: Sequence[str] = ()
) -> None:
    """Trains one net by a recipe, or resumes a stopped run.

    Args:
        recipe: YAML with `seed`; `device` (cpu, cuda, cuda:N or auto); `sources` of
            faces, limited to those in `only` (patterns of SOURCE/NAME), `faces` of them to train
            on; `favoured` (patterns of faces that the editor sees more often); `real`, sources of
            masked faces; `refused`, a CSV file with faces of either to leave out (SOURCE/NAME as
            `name`); `scenes`, photos for backgrounds; `net` (its sizes); `start` (a file in
            `weights` to start from); `schedule`; `task`.
        net: one of `TRAINED`.
        data: folder with the sources of faces.
        run: the run's folder; cut faces are cached beside it.
        weights: folder of the trained nets that this one builds on (the editor: landmarks; a mask
            net with `real`: an earlier mask net; a detector that leaves out unlabelled faces: an
            earlier detector).
        overrides: values instead of the recipe's, see `override`.

    Raises:
        ConfigError: the recipe isn't YAML; it or an override has an unknown key, lacks one, or
            has a value of the wrong type or out of bounds; the start file has other sizes; the run
            was started with another config, or its record can't be read.
        SourceError: `data` lacks a source, or it isn't laid out as `models.training.sources` says.
        WeightsError: `weights` lacks a net that this one builds on.
        CheckpointError: the run's checkpoint is damaged, or can't be written.
        DivergedError: losses or weights became NaN or infinite; the last checkpoint is kept.
        OSError: the recipe can't be read, or a file of the run can't be written.
    """
    blame = partial(blaming, " with --set ".join([str(recipe), *overrides]))
    with blame():
        config = override(yaml.safe_load(recipe.read_text()), overrides)
        check_recipe(net, config)
    # Two trainings in one folder would write over each other's checkpoints.
    with locked(run / "lock", f"it trains in {run}"):
        with blame():
            task, schedule = _begin(net, config, data, run, weights)
        fit(task, run, schedule)


def _begin(
    net: str, config: Mapping[str, Any], data: Path, run: Path, weights: Path
) -> tuple[Task, Schedule]:
    """Builds the task and its schedule, and records in the run's folder from what."""
    record = make_record(net, config, data, run, weights)
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


def _go_on_from(net: str, task: Task, path: Path) -> None:
    try:
        task.net.load_state_dict(load_file(path))
    except (SafetensorError, OSError) as error:
        raise ValueError(f"start: {path} can't be read: {error}") from error
    except RuntimeError:  # torch lists all tensors
        raise ValueError(
            f"start: {path} doesn't fit this net: it holds no {net} net, or one of other sizes"
        ) from None
