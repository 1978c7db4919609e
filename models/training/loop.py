"""The training loop that all nets share: schedule, EMA, checkpoints, resuming, progress.

A batch depends only on the seed and the step number, so a stopped run resumes at the step of its
checkpoint with the same batches.
"""

import json
import math
import os
import signal
import time
from abc import ABC, abstractmethod
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import FrameType

import cv2
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter

from models.errors import Mask2FaceError
from models.pixels import Image
from models.signals import STOPS, stops_to
from models.training.checkpoints import read_checkpoint, write_checkpoint
from models.training.log import append_row, cut_rows
from models.training.pictures import write_image
from models.training.settings import check_least, check_shares

_LOG, _WEIGHTS = "log.csv", "weights.safetensors"  # in the run's folder
_HELD_OUT_BATCHES = 4
_TWICE_S = 1.0  # `timeout` and `make` signal the process and its group: two signals, one stop
HELD_OUT = 16  # samples of a batch of held-out faces
Batch = dict[str, torch.Tensor]
# Scalars; left as tensors, they don't force a GPU to synchronise.
Losses = Mapping[str, torch.Tensor | float]


class DivergedError(Mask2FaceError):
    """A run's losses or weights are no numbers any more."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train."""

    steps: int
    learning_rate: float
    warmup_steps: int = 200
    final_rate: float = 0.02  # share of learning_rate at the last step; cosine decay
    ema_decay: float = 0.999
    log_every: int = 50  # steps
    save_every: int = 500  # steps: checkpoint, weights and sample sheet
    workers: int = 0  # processes that make batches, capped at the cores; 0: the trainer does
    threads: int = 0  # of torch; 0: its default

    def __post_init__(self) -> None:
        check_least(self, 1, "steps", "log_every", "save_every")
        check_least(self, 0, "learning_rate", "warmup_steps", "final_rate", "workers", "threads")
        check_shares(self, "ema_decay")

    def rate(self, step: int) -> float:
        """Learning rate of a step."""
        warm = min(1.0, (step + 1) / max(1, self.warmup_steps))
        cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, step / self.steps)))
        return self.learning_rate * warm * (self.final_rate + (1 - self.final_rate) * cosine)


class Task(ABC):
    """What is trained: nets with their optimizers, batches and losses."""

    net: nn.Module  # the one that ships; its EMA is exported
    others: dict[str, nn.Module]  # trained with it and kept in the checkpoint: discriminators
    optimizers: dict[str, torch.optim.Optimizer]

    @abstractmethod
    def batch(self, step: int) -> Batch:
        """The training batch of a step; always the same for a step."""

    @abstractmethod
    def train_step(self, batch: Batch, progress: float) -> Losses:
        """One update of all nets; `progress` runs from 0 to 1. Returns the losses."""

    @abstractmethod
    def held_out_batch(self, number: int) -> Batch:
        """`HELD_OUT` samples of held-out faces; always the same for a number and such faces."""

    @abstractmethod
    def losses(self, net: nn.Module, batch: Batch) -> Mapping[str, torch.Tensor]:
        """The losses of `net` alone, as in training but without discriminators. Learns nothing."""

    @abstractmethod
    def sheet(self, net: nn.Module) -> Image:
        """A contact sheet of samples made with `net`."""

    def descend(self, loss: torch.Tensor, longest: float) -> None:
        """Moves `net` by its optimizer against the gradient of `loss`, cut to a length."""
        optimizer = self.optimizers["net"]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.net.parameters(), longest)
        optimizer.step()

    @abstractmethod
    def export(self, path: Path, net: nn.Module) -> None:
        """Writes the weights of `net` in the format that ships."""


class _Steps(Dataset[Batch]):
    def __init__(self, task: Task, steps: Sequence[int]) -> None:
        self._task, self._steps = task, steps

    def __len__(self) -> int:
        return len(self._steps)

    def __getitem__(self, index: int) -> Batch:
        return self._task.batch(self._steps[index])


class Ema:
    """Exponential moving average of a net's weights and buffers."""

    def __init__(self, net: nn.Module, decay: float) -> None:
        self.net, self._decay = deepcopy(net), decay
        self.net.eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, net: nn.Module, step: int) -> None:
        decay = min(self._decay, (step + 1) / (step + 10))  # a young average adapts faster
        state = net.state_dict()
        for name, average in self.net.state_dict().items():
            if average.dtype.is_floating_point:
                average.lerp_(state[name].to(average.dtype), 1 - decay)
            else:
                average.copy_(state[name])


def fit(task: Task, folder: Path, schedule: Schedule) -> None:
    """Trains until the last step, SIGTERM or SIGINT, whichever comes first.

    Another such signal, a second or more later, ends the process immediately.

    Args:
        task: what to train.
        folder: the run's folder: checkpoint.pt, weights.safetensors, log.csv (with the losses on
            held-out faces, `val_...`, of each save) and sheet_*.jpg. A checkpoint in it is
            resumed; if that is at or past the last step, only weights and sheet are written again.
        schedule: steps and rates.

    Raises:
        CheckpointError: the checkpoint is damaged, or can't be written.
        DivergedError: losses or weights became NaN or infinite; the last checkpoint is kept.
        OSError: log or sheet can't be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if schedule.threads:
        torch.set_num_threads(schedule.threads)
    ema = Ema(task.net, schedule.ema_decay)
    run = _Run(task, ema, folder, schedule)
    run.resume()
    if run.step >= schedule.steps:
        print(f"finished at step {run.step}: give it more steps, or another folder", flush=True)
        run.save()
    else:
        run.train()


class _Run:
    def __init__(self, task: Task, ema: Ema, folder: Path, schedule: Schedule) -> None:
        self.task, self.ema, self.folder, self.schedule = task, ema, folder, schedule
        self.step = 0
        self._saved: int | None = None  # the step of the checkpoint in the folder
        self._stop_at = math.inf  # when the run was asked to stop, s

    def train(self) -> None:
        batches = self._batches()
        with stops_to(self._ask_to_stop):
            try:
                self._train_on(batches)
            finally:
                # An exception keeps the batches alive, and so their processes. These ignore
                # SIGTERM, and the interpreter would wait for them forever at exit.
                if isinstance(batches, _MultiProcessingDataLoaderIter):
                    batches._shutdown_workers()

    def _train_on(self, batches: Iterator[Batch]) -> None:
        window = _Window()
        for batch in window.timed(batches):
            set_rates(self.task, self.schedule.rate(self.step))
            losses = self.task.train_step(batch, self.step / self.schedule.steps)
            self.ema.update(self.task.net, self.step)
            self.step += 1
            window.add(batch, losses)
            is_done = self.step == self.schedule.steps
            if is_done or self.step % self.schedule.log_every == 0:
                self._refuse_diverged(window)
                self._log(window.row() | self._held_out_losses())
                window.clear()
            last = math.isfinite(self._stop_at) or is_done
            if last or self.step % self.schedule.save_every == 0:
                with window.paused():
                    self._refuse_diverged(window)
                    self.save()
            if last:
                break
        self._tell_end()

    def _held_out_losses(self) -> dict[str, float]:
        """Those of the averaged net, `val_...`; only in the first row from each save on."""
        at_end = self.step == self.schedule.steps
        if self.step % self.schedule.save_every >= self.schedule.log_every and not at_end:
            return {}
        sums: defaultdict[str, float] = defaultdict(float)
        with torch.no_grad():
            for batch in self._held_out:
                for name, loss in self.task.losses(self.ema.net, batch).items():
                    sums[f"val_{name}"] += float(loss)
        return {name: round(value / len(self._held_out), 5) for name, value in sums.items()}

    @cached_property
    def _held_out(self) -> list[Batch]:
        return [self.task.held_out_batch(number) for number in range(_HELD_OUT_BATCHES)]

    def _refuse_diverged(self, window: "_Window") -> None:
        # Only before something is written: a look at each step would synchronise a GPU.
        weights = self.task.net.parameters()
        if window.is_finite() and all(bool(part.isfinite().all()) for part in weights):
            return
        kept = "nothing was saved"
        if self._saved is not None:
            kept = f"the checkpoint of step {self._saved} is kept"
        raise DivergedError(
            f"{self.folder}: the training diverged, by step {self.step}, to losses or weights that "
            f"are no numbers: lower the learning rate; {kept}."
        )

    def _tell_end(self) -> None:
        of = f"step {self.step} of {self.schedule.steps}"
        if self.step == self.schedule.steps:
            print(f"finished at {of}: {self.folder / _WEIGHTS}", flush=True)
        else:
            again = "run the same command again to continue"
            print(f"stopped at {of}, saved in {self.folder}: {again}", flush=True)

    def save(self) -> None:
        state = {
            "step": self.step,
            "net": self.task.net.state_dict(),
            "ema": self.ema.net.state_dict(),
            "others": {name: net.state_dict() for name, net in self.task.others.items()},
            "optimizers": {name: o.state_dict() for name, o in self.task.optimizers.items()},
        }
        write_checkpoint(state, self.folder / "checkpoint.pt")
        self._saved = self.step
        self.task.export(self.folder / _WEIGHTS, self.ema.net)
        sheet = self.folder / f"sheet_{self.step:06d}.jpg"
        write_image(sheet, self.task.sheet(self.ema.net))

    def resume(self) -> None:
        path = self.folder / "checkpoint.pt"
        if not path.exists():  # a run that ended before its first checkpoint may have left rows
            cut_rows(self.folder / _LOG, self.step)
            return
        state = read_checkpoint(path)
        self.step = self._saved = state["step"]
        self.task.net.load_state_dict(state["net"])
        self.ema.net.load_state_dict(state["ema"])
        for name, net in self.task.others.items():
            net.load_state_dict(state["others"][name])
        for name, optimizer in self.task.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
        cut_rows(self.folder / _LOG, self.step)
        print(f"resumed {path} at step {self.step}", flush=True)

    def _batches(self) -> Iterator[Batch]:
        steps = range(self.step, self.schedule.steps)
        workers = min(self.schedule.workers, os.cpu_count() or 1)
        if workers:
            # Before the fork: a forked child hangs when it ends OpenCV's threads.
            cv2.setNumThreads(1)
        loader = DataLoader(
            _Steps(self.task, steps),
            batch_size=None,
            num_workers=workers,
            # Forked: the faces are mapped once, and nets on a GPU can't be sent to a process.
            multiprocessing_context="fork" if workers else None,
            worker_init_fn=_start_worker,
            pin_memory=next(self.task.net.parameters()).is_cuda,
        )
        return iter(loader)

    def _ask_to_stop(self, number: int, _: FrameType | None) -> None:
        now = time.monotonic()
        if now - self._stop_at > _TWICE_S:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        self._stop_at = min(self._stop_at, now)

    def _log(self, means: dict[str, float]) -> None:
        row = {"step": self.step, **means}
        append_row(self.folder / _LOG, row)
        left_min = (self.schedule.steps - self.step) * means["step_s"] / 60
        share = f"{self.step}/{self.schedule.steps}"
        print(f"{share} {json.dumps(row)} {left_min:.1f} min left", flush=True)


class _Window:
    """What happened since the last row of the log."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self._since, self._data_s = time.perf_counter(), 0.0
        self._images, self._steps = 0, 0
        self._sums: dict[str, torch.Tensor | float] = {}
        self._counts = Counter[str]()  # a discriminator may join late

    def timed(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """Passes the batches on; the time spent waiting for each counts as data time."""
        while True:
            start = time.perf_counter()
            batch = next(batches, None)
            self._data_s += time.perf_counter() - start
            if batch is None:
                return
            yield batch

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Time in this block counts for no step."""
        start = time.perf_counter()
        yield
        self._since += time.perf_counter() - start

    def add(self, batch: Batch, losses: Losses) -> None:
        self._images += len(next(iter(batch.values())))
        self._steps += 1
        for name, value in losses.items():
            self._sums[name] = self._sums[name] + value if name in self._sums else value
            self._counts[name] += 1

    def is_finite(self) -> bool:
        """Whether all losses were numbers."""
        return all(math.isfinite(value) for value in self._sums.values())

    def row(self) -> dict[str, float]:
        """Throughput, the share of a step's time spent waiting for data, and mean losses."""
        means = {n: round(float(v) / self._counts[n], 5) for n, v in self._sums.items()}
        seconds = time.perf_counter() - self._since
        return {
            "images_per_s": round(self._images / seconds, 2),
            "step_s": round(seconds / self._steps, 4),
            "data_share": round(self._data_s / seconds, 3),
        } | means


def set_rates(task: Task, rate: float) -> None:
    """Sets each optimizer's learning rate, times the group's `rate_factor` if it has one."""
    for optimizer in task.optimizers.values():
        for group in optimizer.param_groups:
            group["lr"] = rate * group.get("rate_factor", 1.0)


def _start_worker(_: int) -> None:
    # A stop may signal the whole group, but the trainer needs one more batch to end cleanly.
    for number in STOPS:
        signal.signal(number, signal.SIG_IGN)
    torch.set_num_threads(1)
