"""The training loop that all nets share: schedule, EMA, checkpoints, resume, progress.

A batch depends only on the seed and the number of its step, so a run that was stopped
goes on at the step where its checkpoint was written, with the same batches.
"""

import csv
import json
import math
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from models.pixels import Image

Batch = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train."""

    steps: int
    learning_rate: float
    warmup_steps: int = 200
    final_rate: float = 0.02  # of learning_rate, at the last step; cosine in between
    ema_decay: float = 0.999
    log_every: int = 50  # steps
    save_every: int = 500  # steps: checkpoint, weights and sample sheet
    workers: int = 0  # processes that make batches; 0: the training process itself
    threads: int = 0  # of torch; 0: as many as it likes

    def rate(self, step: int) -> float:
        """Learning rate of a step."""
        warm = min(1.0, (step + 1) / max(1, self.warmup_steps))
        cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, step / self.steps)))
        return self.learning_rate * warm * (self.final_rate + (1 - self.final_rate) * cosine)


class Task(ABC):
    """What is trained: nets with their optimizers, batches and losses."""

    net: nn.Module  # the one that ships; its average over the steps is exported
    others: dict[str, nn.Module]  # trained beside it and kept in the checkpoint: discriminators
    optimizers: dict[str, torch.optim.Optimizer]

    @abstractmethod
    def batch(self, step: int) -> Batch:
        """The training batch of a step; the same for the same step."""

    @abstractmethod
    def train_step(self, batch: Batch, progress: float) -> dict[str, float]:
        """One update of all nets; `progress` runs from 0 to 1. Returns the losses."""

    @abstractmethod
    def sheet(self, net: nn.Module) -> Image:
        """A contact sheet of samples made with `net`."""

    @abstractmethod
    def export(self, path: Path, net: nn.Module) -> None:
        """Writes the weights of `net` as they ship."""


class _Steps(Dataset[Batch]):
    def __init__(self, task: Task, steps: Sequence[int]) -> None:
        self._task, self._steps = task, steps

    def __len__(self) -> int:
        return len(self._steps)

    def __getitem__(self, index: int) -> Batch:
        return self._task.batch(self._steps[index])


class Ema:
    """Exponential moving average of a net's weights and buffers."""

    def __init__(self, net: nn.Module, copy: nn.Module, decay: float) -> None:
        self.net, self._decay = copy, decay
        self.net.load_state_dict(net.state_dict())
        self.net.eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, net: nn.Module, step: int) -> None:
        decay = min(self._decay, (step + 1) / (step + 10))  # a young average follows faster
        state = net.state_dict()
        for name, average in self.net.state_dict().items():
            if average.dtype.is_floating_point:
                average.lerp_(state[name].to(average.dtype), 1 - decay)
            else:
                average.copy_(state[name])


def fit(task: Task, average: nn.Module, folder: Path, schedule: Schedule) -> None:
    """Trains until the last step or until SIGTERM or SIGINT, whichever is first.

    Args:
        task: what to train.
        average: another net of the class and config of `task.net`; becomes its EMA.
        folder: where the run lives: checkpoint.pt, weights.safetensors, log.csv and
            sheet_*.jpg. A checkpoint found there is resumed.
        schedule: steps and rates.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if schedule.threads:
        torch.set_num_threads(schedule.threads)
    ema = Ema(task.net, average, schedule.ema_decay)
    run = _Run(task, ema, folder, schedule)
    run.resume()
    run.train()


class _Run:
    def __init__(self, task: Task, ema: Ema, folder: Path, schedule: Schedule) -> None:
        self.task, self.ema, self.folder, self.schedule = task, ema, folder, schedule
        self.step = 0
        self._stop = False

    def train(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask_to_stop)
        sums: dict[str, float] = {}
        since, count = time.perf_counter(), 0
        for batch in self._batches():
            for optimizer in self.task.optimizers.values():
                for group in optimizer.param_groups:
                    group["lr"] = self.schedule.rate(self.step) * group.get("rate_factor", 1.0)
            losses = self.task.train_step(batch, self.step / self.schedule.steps)
            self.ema.update(self.task.net, self.step)
            self.step += 1
            count += len(next(iter(batch.values())))
            for name, value in losses.items():
                sums[name] = sums.get(name, 0.0) + value
            if self.step % self.schedule.log_every == 0:
                seconds = time.perf_counter() - since
                means = {name: value / self.schedule.log_every for name, value in sums.items()}
                self._log(means, count / seconds, seconds / self.schedule.log_every)
                sums, since, count = {}, time.perf_counter(), 0
            last = self._stop or self.step == self.schedule.steps
            if last or self.step % self.schedule.save_every == 0:
                self.save()
            if last:
                break

    def save(self) -> None:
        state = {
            "step": self.step,
            "net": self.task.net.state_dict(),
            "ema": self.ema.net.state_dict(),
            "others": {name: net.state_dict() for name, net in self.task.others.items()},
            "optimizers": {name: o.state_dict() for name, o in self.task.optimizers.items()},
        }
        part = self.folder / "checkpoint.part"
        torch.save(state, part)
        part.replace(self.folder / "checkpoint.pt")
        self.task.export(self.folder / "weights.safetensors", self.ema.net)
        sheet = cv2.cvtColor(self.task.sheet(self.ema.net), cv2.COLOR_RGB2BGR)
        cv2.imwrite(str(self.folder / f"sheet_{self.step:06d}.jpg"), sheet)

    def resume(self) -> None:
        path = self.folder / "checkpoint.pt"
        if not path.exists():
            return
        state: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
        self.step = state["step"]
        self.task.net.load_state_dict(state["net"])
        self.ema.net.load_state_dict(state["ema"])
        for name, net in self.task.others.items():
            net.load_state_dict(state["others"][name])
        for name, optimizer in self.task.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
        print(f"resumed {path} at step {self.step}", flush=True)

    def _batches(self) -> Iterator[Batch]:
        steps = range(self.step, self.schedule.steps)
        loader = DataLoader(
            _Steps(self.task, steps), batch_size=None, num_workers=self.schedule.workers
        )
        return iter(loader)

    def _ask_to_stop(self, *_: object) -> None:
        self._stop = True

    def _log(self, losses: dict[str, float], rate: float, step_s: float) -> None:
        row = {"step": self.step, "images_per_s": round(rate, 2)}
        row |= {name: round(value, 5) for name, value in losses.items()}
        path = self.folder / "log.csv"
        new = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(row))
            if new:
                writer.writeheader()
            writer.writerow(row)
        share = f"{self.step}/{self.schedule.steps}"
        left_min = (self.schedule.steps - self.step) * step_s / 60
        print(f"{share} {json.dumps(row)} {left_min:.1f} min left", flush=True)
