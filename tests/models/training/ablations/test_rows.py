from pathlib import Path

import numpy as np
import pytest
import torch

from models.checkpoint import save_net
from models.landmarks.net import LandmarkConfig, LandmarkNet
from models.mask.unet import UNet, UNetConfig
from models.training.ablations.__main__ import run_table
from models.training.ablations.plan import Table, read_tables
from models.training.ablations.rows import Places, run_row, train_for
from models.training.ablations.score import SHOWN
from models.training.config import build_task
from models.training.frames import STORE_PX, store_path
from models.training.loop import Schedule
from tests.models.training.test_loop import Line
from tests.models.training.test_tasks import oval_face

PLAN = Path(__file__).parents[4] / "configs" / "train" / "ablations.yaml"
COUNT = 80
NET = {"inpaint": {"width": 8, "middle": 8, "deep": 8, "head": 8}, "mask": {"width": 4, "depth": 2}}
TASK = {"inpaint": {"batch_size": 2, "size": 32}, "mask": {"batch_size": 2, "real_share": 0.0}}


@pytest.fixture
def places(tmp_path, monkeypatch):
    monkeypatch.setattr("models.training.ablations.rows._PICTURES", SHOWN)
    images = np.random.default_rng(0).integers(0, 256, (COUNT, STORE_PX, STORE_PX, 3), np.uint8)
    landmarks = np.repeat(oval_face()[None], COUNT, axis=0)
    for name in ("some", "masked", "aaf", "scut", "utk", "omi"):
        (tmp_path / name).mkdir()
        own = COUNT if name in ("some", "masked") else COUNT // 4
        names = [f"{'AC'[row // 20 % 2]}{row}" for row in range(own)]
        np.savez(tmp_path / name / "labels.npz", name=names, landmarks=landmarks[:own])
    for name in ("some", "aaf+scut+utk+omi", "masked"):
        kept = store_path(tmp_path, name.split("+"), tmp_path / "cache")
        kept.mkdir(parents=True)
        np.save(kept / "images.npy", images)
        np.savez(kept / "labels.npz", landmarks=landmarks, sources=[name] * COUNT)
    config = LandmarkConfig(widths=(4, 4, 8, 8), blocks=(1, 1, 1, 1), features=8)
    (tmp_path / "weights").mkdir()
    save_net(tmp_path / "weights" / "landmarks.safetensors", LandmarkNet(config), config)
    sizes = UNetConfig(width=4, depth=2)
    save_net(tmp_path / "weights" / "mask.safetensors", UNet(sizes), sizes)
    return Places(tmp_path, tmp_path / "run", tmp_path / "weights")


def table(net="inpaint", rows=("one",), **changes):
    config = {
        "device": "cpu",
        "sources": ["some"],
        "net": NET[net],
        "schedule": {"learning_rate": 0.001, "threads": 1},
        "task": TASK[net],
    }
    tests = {"Asian": ["some/A*"], "others": ["some/C*"]}
    return Table("small", "Small", net, dict.fromkeys(rows, config | changes), tests, False)


@pytest.mark.parametrize("net", ["inpaint", "mask"])
def test_a_row_is_trained_and_scored_on_each_group(places, net):
    result = run_row(table(net), "one", 0, 0.005, places)

    assert result.images == 2 * result.steps > 0
    assert set(result.marks) == {"Asian", "others"}
    assert all(np.isfinite(value) for own in result.marks.values() for value in own.values())
    assert result.strip.shape[0] % 3 == 0


def test_a_finished_row_is_not_trained_again(places, monkeypatch):
    first = run_row(table(), "one", 0, 0.001, places)
    monkeypatch.setattr("models.training.ablations.rows.train_for", None)

    again = run_row(table(), "one", 0, 0.001, places)

    assert (again.marks, again.images) == (first.marks, first.images)
    np.testing.assert_array_equal(again.strip, first.strip)


def test_a_row_whose_settings_changed_is_trained_again(places, monkeypatch):
    run_row(table(), "one", 0, 0.001, places)
    monkeypatch.setattr("models.training.ablations.rows.train_for", lambda *_: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        run_row(table(), "one", 0, 0.002, places)


def test_a_table_is_written_with_its_sheet(places):
    text = run_table(table(rows=("one", "two")), 0.001, 1, places)

    assert (places.run / "small" / "table.md").read_text() == text
    assert "| two |" in text
    assert (places.run / "small" / "sheet.jpg").exists()


def test_the_budget_is_of_processor_time(monkeypatch):
    task = Line()
    clock = iter(np.arange(0, 100, 0.5))
    monkeypatch.setattr("models.training.ablations.rows.time.process_time", lambda: next(clock))

    _, steps = train_for(task, {"learning_rate": 0.1}, budget_s=5)

    assert steps == len(task.seen) == 9


@pytest.mark.parametrize(
    ("name", "row"), [(t.name, r) for t in read_tables(PLAN).values() for r in t.rows]
)
def test_each_row_that_ships_builds_its_task(places, name, row):
    own = read_tables(PLAN)[name]
    config = own.rows[row] | {"seed": 0}
    if "faces" in config:
        config["faces"] = 10

    task = build_task(own.net, config, places.data, places.run.parent / "cache", places.weights)

    assert Schedule(steps=1, **config["schedule"]).learning_rate > 0
    assert isinstance(task.net, torch.nn.Module)
