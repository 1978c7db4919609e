import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from models.training.ablations.__main__ import main, run_table
from models.training.ablations.plan import Table, read_tables
from models.training.ablations.rows import Places, Result, run_row, train_for
from models.training.ablations.score import SHOWN, Scored
from models.training.build import build_task
from models.training.evaluation.folder import EvalFolderError
from models.training.frames import STORE_PX
from models.training.loop import Schedule
from models.training.pictures import write_image, write_mask
from models.training.sources import SourceError
from tests.models.training.stores import save_small_nets, write_store
from tests.models.training.test_loop import Line
from tests.models.training.test_tasks import oval_face

PLAN = Path(__file__).parents[4] / "configs" / "train" / "ablations.yaml"
COUNT = 80
NET = {"inpaint": {"width": 8, "middle": 8, "deep": 8, "head": 8}, "mask": {"width": 4, "depth": 2}}
TASK = {"inpaint": {"batch_size": 2, "size": 32}, "mask": {"batch_size": 2, "real_share": 0.0}}


@pytest.fixture(scope="module")
def stocked(tmp_path_factory):
    """Labels of sources, and stores of their cut faces; nothing writes into them."""
    root = tmp_path_factory.mktemp("stocked")
    images = np.random.default_rng(0).integers(0, 256, (COUNT, STORE_PX, STORE_PX, 3), np.uint8)
    landmarks = np.repeat(oval_face()[None], COUNT, axis=0)
    for name in ("some", "masked", "aaf", "scut", "utk", "omi"):
        (root / name).mkdir()
        own = COUNT if name in ("some", "masked") else COUNT // 4
        names = [f"{'AC'[row // 20 % 2]}{row}" for row in range(own)]
        np.savez(root / name / "labels.npz", name=names, landmarks=landmarks[:own])
    for name in ("some", "aaf+scut+utk+omi", "masked"):
        write_store(root, name, landmarks, images)
    return root


@pytest.fixture
def places(stocked, tmp_path, monkeypatch):
    monkeypatch.setattr("models.training.ablations.rows._PICTURES", SHOWN)
    shutil.copytree(stocked, tmp_path, ignore=lambda *_: ["cache"], dirs_exist_ok=True)
    (tmp_path / "cache").mkdir()
    for store in (stocked / "cache").iterdir():  # 20 MB each
        (tmp_path / "cache" / store.name).symlink_to(store)
    save_small_nets(tmp_path / "weights")
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
    configs = dict.fromkeys(rows, config | changes)
    return Table("small", "Small", net, configs, tests, False, PLAN)


@pytest.mark.parametrize("net", ["inpaint", "mask"])
def test_a_row_is_trained_and_scored_on_each_group(places, net):
    result = run_row(table(net), "one", 0, 0.005, places)

    assert result.images == 2 * result.steps > 0
    assert set(result.marks) == {"Asian", "others"}
    assert all(own and np.isfinite([*own.values()]).all() for own in result.marks.values())
    assert result.strip.shape[0] % 3 == 0


def test_a_row_is_scored_on_faces_that_no_row_is_trained_on(places, monkeypatch):
    scored = []

    def score(task, _, faces, *__):
        scored.append(faces.rows.tolist())
        assert not set(faces.rows) & set(task.faces.rows)
        return Scored({}, *[[np.zeros((8, 8, 3), np.uint8)]] * 3)

    monkeypatch.setattr("models.training.ablations.rows.score_editor", score)
    monkeypatch.setattr("models.training.ablations.rows.train_for", lambda task, *_: (task.net, 1))

    run_row(table(), "one", 0, 0.001, places)

    assert scored == [[19, 59], [39, 79]]


def test_a_row_without_threads_does_not_get_those_of_the_row_before(places, monkeypatch):
    seen, before = [], torch.get_num_threads()

    def note(task, *_):
        seen.append(torch.get_num_threads())
        return task.net, 1

    monkeypatch.setattr("models.training.ablations.rows.train_for", note)
    torch.set_num_threads(2)
    try:
        run_row(table(), "one", 0, 0.001, places)  # with one thread
        run_row(table(schedule={"learning_rate": 0.001}), "one", 0, 0.001, places)
    finally:
        torch.set_num_threads(before)

    assert seen == [1, 2]


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


@pytest.fixture
def trained(monkeypatch):
    """Names of the rows that would be trained; nothing is."""
    rows = []

    def note(own, *_):
        rows.append(own.name)
        return Result(2, 1, {"all": {"IoU": 0.5}}, np.zeros((3, 1, 3), np.uint8))

    monkeypatch.setattr("models.training.ablations.rows._train_and_score", note)
    return rows


@pytest.fixture
def outlined(places):
    """Places with an evaluation folder of one outlined mask, and the table tested on it."""
    real = places.run.parent / "eval" / "real"
    write_image(real / "photo" / "a.png", np.zeros((8, 8, 3), np.uint8))
    write_mask(real / "mask" / "a.png", np.zeros((8, 8), np.bool_))
    (real / "index.csv").write_text("id\na\n")
    with_masks = dataclasses.replace(places, outlined=real.parent)
    return with_masks, dataclasses.replace(table("mask"), outlined=True)


def test_a_result_that_was_cut_off_while_it_was_written_is_none(places, trained, monkeypatch):
    write = Path.write_text

    def cut_off(path, text):
        write(path, text[:9])
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_text", cut_off)
    with pytest.raises(KeyboardInterrupt):
        run_row(table(), "one", 0, 1, places)
    monkeypatch.setattr(Path, "write_text", write)

    run_row(table(), "one", 0, 1, places)

    assert len(trained) == 2


def elsewhere(places):
    """The same sources in another folder."""
    for name in ("some", "masked"):
        shutil.copytree(places.data / name, places.run.parent / "elsewhere" / name)
    return dataclasses.replace(places, data=places.run.parent / "elsewhere")


def relabel(folder):
    labels = np.load(folder / "labels.npz")
    np.savez(folder / "labels.npz", name=labels["name"], landmarks=labels["landmarks"] + 9)


def test_a_row_is_not_trained_again_on_the_same_faces_in_another_folder(places, trained):
    for own in (places, elsewhere(places)):
        run_row(table(), "one", 0, 1, own)

    assert len(trained) == 1


@pytest.mark.parametrize("source", ["some", "masked"])
def test_a_row_is_trained_again_on_faces_with_other_labels(places, trained, source):
    run_row(table("mask", real=["masked"]), "one", 0, 1, places)
    other = elsewhere(places)
    relabel(other.data / source)

    run_row(table("mask", real=["masked"]), "one", 0, 1, other)

    assert len(trained) == 2


def test_a_finished_row_is_no_answer_to_a_folder_that_is_not_there(places, trained):
    run_row(table(), "one", 0, 1, places)
    assert trained

    with pytest.raises(SourceError, match=r"nowhere has neither some\.zip nor some/"):
        run_row(table(), "one", 0, 1, dataclasses.replace(places, data=places.data / "nowhere"))


@pytest.mark.parametrize(
    ("net", "changes", "builds_on"),
    [
        ("inpaint", {}, "landmarks"),
        ("inpaint", {"task": {"guided": False}}, None),
        ("mask", {}, None),
        ("mask", {"real": ["masked"]}, "mask"),
    ],
)
def test_a_row_is_trained_again_where_the_net_that_it_builds_on_is_another(
    places, trained, net, changes, builds_on
):
    run_row(table(net, **changes), "one", 0, 1, places)
    for name in ("landmarks", "mask"):
        (places.weights / f"{name}.safetensors").write_bytes(b"another")
        before = len(trained)
        run_row(table(net, **changes), "one", 0, 1, places)
        assert (len(trained) > before) == (name == builds_on)


@pytest.mark.parametrize("part", ["real/mask/a.png", "real/photo/a.png"])
def test_a_row_is_trained_again_where_an_outlined_mask_is_another(outlined, trained, part):
    places, own = outlined
    run_row(own, "one", 0, 1, places)
    run_row(own, "one", 0, 1, places)
    assert len(trained) == 1

    write_image(places.outlined / part, np.full((8, 8, 3), 255, np.uint8))
    run_row(own, "one", 0, 1, places)

    assert len(trained) == 2


def test_a_row_is_trained_again_where_the_detector_before_outlined_masks_is_another(
    outlined, trained
):
    places, own = outlined
    for content in (b"one", b"another"):
        (places.weights / "crop.safetensors").write_bytes(content)
        run_row(own, "one", 0, 1, places)

    assert len(trained) == 2


def test_an_evaluation_folder_without_outlined_masks_is_told_before_the_training(outlined, trained):
    places, own = outlined
    shutil.rmtree(places.outlined / "real")

    with pytest.raises(EvalFolderError, match="no real/ with outlined masks"):
        run_row(own, "one", 0, 1, places)

    assert not trained


@pytest.mark.parametrize("key", ["scenes", "refused"])
def test_a_row_is_trained_again_where_a_file_that_its_config_names_is_another(
    places, trained, key, tmp_path
):
    (tmp_path / "squares").mkdir()
    file = tmp_path / "squares" / "boxes.json"
    changes = {key: "squares" if key == "scenes" else str(file)}
    for content in ("{}", "[]", "[]"):
        file.write_text(content)
        run_row(table("mask", **changes), "one", 0, 1, places)

    assert len(trained) == 2


def test_a_row_of_a_processor_is_trained_again_on_a_gpu(places, trained, monkeypatch):
    own = table(device="auto")
    for seen in (False, True, True):
        monkeypatch.setattr(torch.cuda, "is_available", lambda seen=seen: seen)
        monkeypatch.setattr(torch.cuda, "device_count", lambda seen=seen: int(seen))
        run_row(own, "one", 0, 1, places)

    assert len(trained) == 2
    asked = [json.loads(path.read_text())["asked"] for path in places.run.glob("rows/*.json")]
    assert sorted(own.get("device", "as before") for own in asked) == ["as before", "cuda"]


def test_a_folder_that_is_not_there_is_one_line_of_the_command(monkeypatch, tmp_path, capsys):
    words = [str(tmp_path / "no"), "--table", "guide", "--run", str(tmp_path), "--plan", str(PLAN)]
    monkeypatch.setattr("sys.argv", ["ablations", *words])

    with pytest.raises(SystemExit):
        main()

    assert "no has neither aaf.zip nor aaf/" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "pattern", "message"),
    [
        ({"faces": 10_000}, "*", "faces: 10000 are wanted"),
        ({}, "other/*", "no face is named like other/*"),
    ],
)
def test_what_a_plan_asks_too_much_of_faces_is_one_line_of_the_command(
    places, monkeypatch, capsys, changes, pattern, message
):
    monkeypatch.setattr("models.training.ablations.rows.train_for", lambda *_: 1 / 0)
    plan, own = places.data / "plan.yaml", table(**changes)
    rows, tests = {"one": {}}, {"all": [pattern]}
    tables = {"small": {"title": "T", "net": "inpaint", "rows": rows, "tests": tests}}
    plan.write_text(yaml.safe_dump({"bases": {"inpaint": own.rows["one"]}, "tables": tables}))
    words = [str(places.data), "--table", "small", "--run", str(places.run), "--plan", str(plan)]
    monkeypatch.setattr("sys.argv", ["ablations", *words, "--weights", str(places.weights)])

    with pytest.raises(SystemExit, match="2"):
        main()

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{plan}: {message}")


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


@pytest.mark.parametrize("budget_s", [0, -60, float("nan")])
def test_a_budget_that_is_never_spent_is_refused(budget_s):
    with pytest.raises(ValueError, match="more than 0"):
        train_for(Line(), {"learning_rate": 0.1}, budget_s)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        *[(f"--minutes={value}", "more than 0 and finite") for value in ("0", "-1", "nan", "inf")],
        ("--seeds=0", "1 or more"),
    ],
)
def test_minutes_and_seeds_that_train_nothing_are_refused(
    monkeypatch, capsys, tmp_path, option, message
):
    monkeypatch.setattr("sys.argv", ["ablations", str(tmp_path), "--table", "guide", option])

    with pytest.raises(SystemExit):
        main()

    name, value = option.split("=")
    assert f"argument {name}: must be {message}, not {value}" in capsys.readouterr().err


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
