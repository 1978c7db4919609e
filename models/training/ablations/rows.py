"""Trains one row of a table for its budget and scores it; finished rows are kept on disk."""

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import torch
from torch import nn

from models.atomic_write import atomic_write
from models.checkpoint import file_sha256
from models.mask.unet import UNet
from models.pixels import Image
from models.training.ablations.plan import Table
from models.training.ablations.score import (
    Marks,
    Scored,
    outlined_cases,
    score_editor,
    score_finder,
    score_outlined,
)
from models.training.build import build_task
from models.training.crop.labels import scenes_path
from models.training.frames import Faces, load_faces, matching, store_path
from models.training.inpaint.task import InpaintTask
from models.training.loop import Ema, Schedule, Task, set_rates
from models.training.pictures import read_image, write_image
from models.training.recipe import builds_on, device_of
from models.training.settings import blaming
from models.training.sheets import contact_sheet
from models.training.sources import source_names

_PICTURES = 96  # of each group, on which a row is scored
_THOUSAND = 1000  # a schedule counts steps; here they are thousandths of the budget


@dataclass(frozen=True)
class Places:
    """Where things are."""

    data: Path  # sources of faces
    run: Path  # results
    weights: Path  # nets that rows build on
    outlined: Path | None = None  # evaluation folder with real/


@dataclass(frozen=True)
class Result:
    """One row trained with one seed."""

    images: int  # seen in training
    steps: int
    marks: dict[str, Marks]  # by group of faces
    strip: Image  # rows: given, truth, made


def run_row(table: Table, row: str, seed: int, minutes: float, places: Places) -> Result:
    """Trains a row with a seed, or reads the result of an earlier call, made for any table.

    Raises:
        ConfigError: the plan asks for what these faces or this machine can't do.
        SourceError: `places.data` lacks a source, or it has no labels.
        EvalFolderError: the table is tested on outlined masks, and there are none.
    """
    config = table.rows[row] | {"seed": seed}
    asked = {
        "net": table.net,
        "config": config,
        "tests": table.tests,
        "outlined": table.outlined,
        "minutes": minutes,
        "read": _read(table, config, places),
        **_device(table, config),
    }
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]
    path = places.run / "rows" / f"{digest}.json"
    if path.exists():
        kept = json.loads(path.read_text())
        strip = read_image(path.with_suffix(".png"))
        return Result(kept["images"], kept["steps"], kept["marks"], strip)
    with _threads(config["schedule"].get("threads", 0)):
        result = _train_and_score(table, config, minutes, places)
    write_image(path.with_suffix(".png"), result.strip)
    found = {"images": result.images, "steps": result.steps, "marks": result.marks}
    with atomic_write(path) as part:  # last: it means "finished"
        part.write_text(json.dumps({"asked": asked, **found}, indent=1))
    return result


def _device(table: Table, config: Mapping[str, Any]) -> dict[str, str]:
    """`device`, on which a budget's steps depend; nothing for a processor, as in older results."""
    with blaming(table.plan):
        kind = torch.device(device_of(config)).type
    return {} if kind == "cpu" else {"device": kind}


def _read(table: Table, config: Mapping[str, Any], places: Places) -> dict[str, Any]:
    """Identifies the faces and files that a row reads by their content, not only by name."""
    sources = [*config["sources"], *config.get("real", ())]
    files = [places.weights / name for name in _nets(table, config)]
    if config.get("refused"):
        files.append(Path(config["refused"]))
    if config.get("scenes"):
        scenes = scenes_path(places.data, config["scenes"])
        files += sorted(scenes.iterdir()) if scenes.is_dir() else [scenes]
    if table.outlined and places.outlined:
        files += [f for c in outlined_cases(places.outlined) for f in (c.photo, c.mask)]
    return {
        "faces": store_path(places.data, sources, places.run).name,  # a digest of their labels
        "files": [f"{path.name} {file_sha256(path)}" for path in files if path.is_file()],
    }


def _nets(table: Table, config: Mapping[str, Any]) -> list[str]:
    """Weights files that a row builds on, or is scored with."""
    scored_with = ["crop"] if table.outlined else []
    return [f"{net}.safetensors" for net in (*builds_on(table.net, config), *scored_with)]


def train_for(task: Task, settings: Mapping[str, Any], budget_s: float) -> tuple[nn.Module, int]:
    """Trains for a budget of processor time (on a GPU: elapsed time).

    Args:
        task: what to train; its steps get the share of the budget already spent.
        settings: those of `Schedule`; `warmup_steps` in thousandths of the budget.
        budget_s: seconds, more than 0.

    Returns:
        The EMA of the net, and the number of steps.

    Raises:
        ValueError: the budget isn't more than 0, so it would never be spent.
    """
    if not budget_s > 0:
        raise ValueError(f"the budget is {budget_s:g} s: it must be more than 0")
    # Processor time: other work on the machine must not shrink a row's budget.
    on_gpu = next(task.net.parameters()).is_cuda
    clock = time.perf_counter if on_gpu else time.process_time
    schedule = Schedule(steps=_THOUSAND, **settings)
    ema = Ema(task.net, schedule.ema_decay)
    start, step = clock(), 0
    for step in count():
        spent = (clock() - start) / budget_s
        if spent >= 1:
            break
        set_rates(task, schedule.rate(int(spent * _THOUSAND)))
        task.train_step(task.batch(step), spent)
        ema.update(task.net, step)
    return ema.net, step


def _train_and_score(
    table: Table, config: dict[str, Any], minutes: float, places: Places
) -> Result:
    torch.manual_seed(config["seed"])
    cache = places.run.parent / "cache"
    with blaming(table.plan):  # mistakes that only the faces reveal: too few, none of that name
        task = build_task(table.net, config, places.data, cache, places.weights)
        groups = _groups(table, config, places.data, cache)
    net, steps = train_for(task, config["schedule"], 60 * minutes)
    scores = {name: _score(task, net, faces) for name, faces in groups.items()}
    marks = {name: scored.marks for name, scored in scores.items()}
    if table.outlined and places.outlined:
        assert isinstance(net, UNet)
        device = str(next(net.parameters()).device)
        marks["outlined"] = score_outlined(net, places.outlined, places.weights, device)
    strips = [
        [p for scored in scores.values() for p in getattr(scored, part)]
        for part in ("given", "truth", "made")
    ]
    return Result(steps * config["task"]["batch_size"], steps, marks, contact_sheet(strips))


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Lets torch compute with so many threads in this block; 0: as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _score(task: Task, net: nn.Module, faces: Faces) -> Scored:
    if isinstance(task, InpaintTask):
        return score_editor(task, net, faces, _PICTURES, task.settings.size)
    assert isinstance(net, UNet)
    return score_finder(net, faces, _PICTURES, str(next(net.parameters()).device))


def _groups(table: Table, config: Mapping[str, Any], data: Path, cache: Path) -> dict[str, Faces]:
    """Held-back faces of each group, independent of what the row was trained on."""
    apart = load_faces(data, config["sources"], cache).split()[1]
    names = source_names(data, config["sources"])
    return {name: matching(apart, names, patterns) for name, patterns in table.tests.items()}
