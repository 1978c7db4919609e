import csv
import math
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from models.checkpoint import save_net
from models.mask.unet import UNetConfig
from models.training.loop import DivergedError, Ema, Schedule, Task, fit

SCHEDULE = Schedule(steps=12, learning_rate=0.1, warmup_steps=2, log_every=2, save_every=4)


class Line(Task):
    """Fits y = 2x with a single weight."""

    def __init__(self, stop_at=None):
        torch.manual_seed(0)
        self.net = nn.Linear(1, 1)
        self.others = {"other": nn.Linear(1, 1)}
        self.optimizers = {"net": torch.optim.Adam(self.net.parameters())}
        self.seen, self.held_out = [], []
        self.stop_at = stop_at

    def batch(self, step):
        if step == self.stop_at:
            raise RuntimeError("the power went out")
        self.seen.append(step)
        rng = np.random.default_rng(step)
        return {"x": torch.from_numpy(rng.normal(size=(4, 1)).astype(np.float32))}

    def train_step(self, batch, progress):
        loss = ((self.net(batch["x"]) - 2 * batch["x"]) ** 2).mean()
        self.optimizers["net"].zero_grad()
        loss.backward()
        self.optimizers["net"].step()
        return {"loss": loss.item()}

    def held_out_batch(self, number):
        self.held_out.append(number)
        return {"x": torch.full((4, 1), 1.0 + number)}

    def losses(self, net, batch):
        return {"loss": ((net(batch["x"]) - 2 * batch["x"]) ** 2).mean()}

    def sheet(self, net):
        return np.zeros((4, 4, 3), np.uint8)

    def export(self, path, net):
        save_net(path, net, UNetConfig())


class Diverging(Line):
    """From its seventh step on, loss and weights are NaN."""

    def train_step(self, batch, progress):
        if len(self.seen) >= 7:
            self.net.weight.data.fill_(math.nan)
        return super().train_step(batch, progress)


class Stopped(Line):
    """A signal asks it to stop at its third step."""

    def train_step(self, batch, progress):
        if len(self.seen) == 3:
            signal.raise_signal(signal.SIGTERM)
        return super().train_step(batch, progress)


def average_of(folder):
    return torch.load(folder / "checkpoint.pt", weights_only=True)["ema"]


def test_a_stopped_run_ends_as_one_that_was_not(tmp_path):
    whole, first, second = Line(), Line(stop_at=9), Line()
    fit(whole, tmp_path / "whole", SCHEDULE)

    with pytest.raises(RuntimeError, match="power"):
        fit(first, tmp_path / "cut", SCHEDULE)
    fit(second, tmp_path / "cut", SCHEDULE)

    assert second.seen[0] == 8  # from the last checkpoint
    torch.testing.assert_close(second.net.weight, whole.net.weight, rtol=0, atol=0)


def test_discriminators_go_on_from_the_checkpoint(tmp_path):
    first, second = Line(), Line()
    first.others["other"].weight.data.fill_(7.0)
    fit(first, tmp_path, SCHEDULE)

    fit(second, tmp_path, replace(SCHEDULE, steps=13))

    assert second.seen == [12]
    assert second.others["other"].weight.item() == 7


def test_a_run_leaves_checkpoint_weights_sheet_and_log(tmp_path):
    task = Line()
    start = abs(task.net.weight.item() - 2)
    fit(task, tmp_path, SCHEDULE)

    names = {path.name for path in tmp_path.iterdir()}
    assert {"checkpoint.pt", "weights.safetensors", "log.csv", "sheet_000012.jpg"} <= names
    rows = list(csv.DictReader((tmp_path / "log.csv").open()))
    assert [int(row["step"]) for row in rows] == [2, 4, 6, 8, 10, 12]
    assert abs(task.net.weight.item() - 2) < start


def test_the_last_steps_are_logged_too(tmp_path):
    fit(Line(), tmp_path, replace(SCHEDULE, log_every=8))

    rows = list(csv.DictReader((tmp_path / "log.csv").open()))
    assert [int(row["step"]) for row in rows] == [8, 12]


def test_a_run_says_where_it_stopped_and_that_it_has_finished(tmp_path, capsys):
    fit(Stopped(), tmp_path, SCHEDULE)
    stopped = capsys.readouterr().out.splitlines()[-1]
    fit(Line(), tmp_path, SCHEDULE)
    finished = capsys.readouterr().out.splitlines()[-1]

    again = "run the same command again to continue"
    assert stopped == f"stopped at step 3 of 12, saved in {tmp_path}: {again}"
    assert finished == f"finished at step 12 of 12: {tmp_path / 'weights.safetensors'}"


@pytest.mark.parametrize("log_every", [1, 5, 8])
def test_a_run_that_diverges_keeps_its_last_checkpoint(tmp_path, capsys, log_every):
    schedule = replace(SCHEDULE, log_every=log_every)

    with pytest.raises(DivergedError) as error:
        fit(Diverging(), tmp_path, schedule)

    (line,) = str(error.value).splitlines()
    assert "learning rate" in line
    assert line.endswith("the checkpoint of step 4 is kept.")
    assert "finished" not in capsys.readouterr().out
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"] == 4
    assert load_file(tmp_path / "weights.safetensors")["weight"].isfinite().all()


def test_weights_that_the_last_step_made_nan_are_not_saved(tmp_path):
    class Late(Line):
        def train_step(self, batch, progress):
            losses = super().train_step(batch, progress)
            if len(self.seen) == 8:
                self.net.weight.data.fill_(math.nan)
            return losses

    with pytest.raises(DivergedError, match="step 8"):
        fit(Late(), tmp_path, SCHEDULE)


def test_a_run_that_diverges_before_its_first_checkpoint_says_so(tmp_path):
    with pytest.raises(DivergedError, match="nothing was saved"):
        fit(Diverging(), tmp_path, replace(SCHEDULE, save_every=8))

    assert not (tmp_path / "checkpoint.pt").exists()


def test_a_stop_between_two_rows_adds_none(tmp_path):
    fit(Stopped(), tmp_path, SCHEDULE)
    fit(Line(), tmp_path, SCHEDULE)

    rows = list(csv.DictReader((tmp_path / "log.csv").open()))
    assert [int(row["step"]) for row in rows] == [2, 4, 6, 8, 10, 12]


def test_the_weights_of_a_run_are_the_average_over_its_steps(tmp_path):
    task = Line()
    start = task.net.weight.item()

    fit(task, tmp_path, SCHEDULE)

    average = average_of(tmp_path)["weight"].item()
    assert start + 0.1 < average < task.net.weight.item() - 0.01
    written = load_file(tmp_path / "weights.safetensors")["weight"].item()
    assert written == pytest.approx(average, abs=1e-3)


def test_the_log_tells_throughput_and_the_share_of_making_batches(tmp_path):
    class SlowData(Line):
        def batch(self, step):
            time.sleep(0.02)
            return super().batch(step)

    fit(SlowData(), tmp_path, SCHEDULE)

    rows = list(csv.DictReader((tmp_path / "log.csv").open()))
    assert len(rows) == 6
    for row in rows:
        assert 0.5 < float(row["data_share"]) <= 1
        assert float(row["images_per_s"]) * float(row["step_s"]) == pytest.approx(4, rel=0.05)


def test_a_run_cut_off_before_its_first_checkpoint_leaves_no_rows_to_the_next(tmp_path):
    with pytest.raises(RuntimeError, match="power"):
        fit(Line(stop_at=3), tmp_path, SCHEDULE)
    fit(Line(), tmp_path, SCHEDULE)

    assert [int(row["step"]) for row in rows_of(tmp_path)] == [2, 4, 6, 8, 10, 12]


def test_a_sheet_that_cannot_be_written_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr("cv2.imwrite", lambda *_: False)

    with pytest.raises(OSError, match=r"sheet_000004\.jpg can't be written"):
        fit(Line(), tmp_path, SCHEDULE)


def test_a_loss_that_joins_late_is_averaged_over_its_own_steps(tmp_path):
    class Joined(Line):
        def train_step(self, batch, progress):
            late = {"late": 3.0} if len(self.seen) > 3 else {}
            return super().train_step(batch, progress) | late

    fit(Joined(), tmp_path, replace(SCHEDULE, log_every=4))

    rows = list(csv.DictReader((tmp_path / "log.csv").open()))
    assert [float(row["late"]) for row in rows] == [3, 3, 3]


def rows_of(folder):
    return list(csv.DictReader((folder / "log.csv").open()))


@pytest.mark.parametrize(
    ("log_every", "save_every", "at"),
    [(2, 4, [4, 8, 12]), (2, 5, [6, 10, 12]), (4, 2, [4, 8, 12]), (5, 100, [12])],
)
def test_the_loss_on_held_out_faces_stands_in_the_first_row_from_each_save_on(
    tmp_path, log_every, save_every, at
):
    task, schedule = Line(), replace(SCHEDULE, log_every=log_every, save_every=save_every)

    fit(task, tmp_path, schedule)

    assert [int(row["step"]) for row in rows_of(tmp_path) if row["val_loss"]] == at
    assert task.held_out == [0, 1, 2, 3]  # the same ones each time


def test_the_loss_on_held_out_faces_is_that_of_the_averaged_net(tmp_path):
    task, average = Line(), nn.Linear(1, 1).requires_grad_(False)

    fit(task, tmp_path, SCHEDULE)

    average.load_state_dict(average_of(tmp_path))
    losses = [float(task.losses(average, task.held_out_batch(n))["loss"]) for n in range(4)]
    assert float(rows_of(tmp_path)[-1]["val_loss"]) == pytest.approx(np.mean(losses), abs=1e-5)


def test_a_resumed_run_has_the_same_losses_on_held_out_faces(tmp_path):
    fit(Line(), tmp_path / "whole", SCHEDULE)
    with pytest.raises(RuntimeError, match="power"):
        fit(Line(stop_at=9), tmp_path / "cut", SCHEDULE)
    fit(Line(), tmp_path / "cut", SCHEDULE)

    whole, cut = (rows_of(tmp_path / name) for name in ("whole", "cut"))
    assert [row["val_loss"] for row in cut] == [row["val_loss"] for row in whole]


def test_a_log_without_losses_on_held_out_faces_gets_their_column(tmp_path):
    (tmp_path / "log.csv").write_text("step,images_per_s,step_s,data_share,loss\n0,8,0.5,0.1,3\n")

    fit(Line(), tmp_path, SCHEDULE)

    rows = rows_of(tmp_path)
    assert (rows[0]["loss"], rows[0]["val_loss"]) == ("3", "")
    assert float(rows[2]["val_loss"]) > 0


def test_batches_can_be_made_by_other_processes(tmp_path):
    here, there = Line(), Line()
    fit(here, tmp_path / "here", SCHEDULE)
    fit(there, tmp_path / "there", replace(SCHEDULE, workers=1))

    assert there.seen == []
    torch.testing.assert_close(there.net.weight, here.net.weight, rtol=0, atol=0)


RUN = """
import sys
from pathlib import Path
from models.training.loop import Schedule, fit
from tests.models.training import test_loop
schedule = Schedule(10**6, 0.1, log_every=1, workers=1)
fit(test_loop.{task}, Path(sys.argv[1]), schedule)
"""


def start_run(task, folder):
    command = [sys.executable, "-c", RUN.format(task=task), str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_run_ends_with_the_error_of_the_process_that_makes_its_batches(tmp_path):
    run = start_run("Line(stop_at=3)", tmp_path)
    try:
        _, said = run.communicate(timeout=300)
    finally:
        run.kill()

    assert run.returncode == 1
    assert "the power went out" in said


class Stuck(Line):
    """Its second step never ends."""

    def train_step(self, batch, progress):
        if progress:
            print("stuck", flush=True)
            while True:
                time.sleep(0.1)
        return super().train_step(batch, progress)


def test_a_second_signal_ends_a_run_at_once(tmp_path):
    run = start_run("Stuck()", tmp_path)
    try:
        while run.stdout.readline() != "stuck\n":
            assert run.poll() is None
        for _ in range(2):  # one request: `timeout` signals the process and its group
            run.terminate()
        with pytest.raises(subprocess.TimeoutExpired):
            run.wait(timeout=3)
        run.terminate()
        assert run.wait(timeout=60) == -signal.SIGTERM
    finally:
        run.kill()


def test_after_a_run_its_signals_are_what_they_were(tmp_path):
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]

    fit(Line(), tmp_path, SCHEDULE)

    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("steps", 0),
        ("log_every", 0),
        ("save_every", 0),
        ("learning_rate", -0.1),
        ("learning_rate", math.nan),
        ("workers", -1),
        ("ema_decay", 1.5),
    ],
)
def test_a_schedule_that_cannot_be_kept_is_refused(name, value):
    with pytest.raises(ValueError, match=rf"{name} is {value}: it must be"):
        replace(SCHEDULE, **{name: value})


def test_a_run_that_has_ended_only_writes_its_weights_anew(tmp_path):
    fit(Line(), tmp_path, SCHEDULE)
    before = (tmp_path / "weights.safetensors").read_bytes()
    (tmp_path / "weights.safetensors").unlink()
    again = Line()

    fit(again, tmp_path, SCHEDULE)

    assert again.seen == []
    assert (tmp_path / "weights.safetensors").read_bytes() == before


def test_the_rate_warms_up_and_falls():
    rates = [SCHEDULE.rate(step) for step in range(13)]

    assert rates[0] < rates[1]
    assert rates[2] > rates[6] > rates[11]
    assert rates[12] == pytest.approx(SCHEDULE.learning_rate * SCHEDULE.final_rate)


def test_the_average_lags_behind_the_net():
    net = nn.Linear(1, 1)
    ema = Ema(net, decay=0.9)
    start = net.weight.item()
    with torch.no_grad():
        net.weight.add_(1.0)

    ema.update(net, step=10**6)

    assert ema.net.weight.item() == pytest.approx(start + 0.1, abs=1e-6)
