from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from models.errors import WeightsError
from models.training.build import build_task, schedule_of
from models.training.crop.task import CropTask
from models.training.loop import Schedule
from models.training.recipe import TRAINED
from models.training.sources import SourceError
from tests.models.training.stores import write_store

CONFIGS = Path(__file__).parents[3] / "configs" / "train"
NET_OF = {path.stem: path.stem for path in CONFIGS.glob("*.yaml")}
NET_OF |= {"crop_finish": "crop", "mask_finish": "mask", "inpaint_finish": "inpaint"}
NET_OF |= {"original": "inpaint"}
NET_OF |= {f"own/{net}": net for net in ("mask", "landmarks", "inpaint")}
del NET_OF["ablations"]
SCHEDULE = {"steps": 1, "learning_rate": 0.1}


def config_of(stem):
    return yaml.safe_load((CONFIGS / f"{stem}.yaml").read_text())


def build(net, config, stocked):
    return build_task(net, config, stocked, stocked / "cache", stocked / "weights")


def small(**values):
    return {
        "seed": 1,
        "device": "cpu",
        "sources": ["some"],
        "net": {"width": 8, "middle": 8, "deep": 8, "head": 8},
        "task": {"batch_size": 2, "size": 32},
        **values,
    }


@pytest.mark.parametrize("stem", sorted(NET_OF))
def test_each_config_that_ships_builds_its_task_and_schedule(stem, stocked, monkeypatch):
    monkeypatch.setattr(CropTask, "__init__", lambda *_: None)  # it reads pictures of people
    monkeypatch.chdir(CONFIGS.parents[1])  # the configs' paths are relative to the project
    config = config_of(stem)
    if "faces" in config:
        config["faces"] = 40

    task = build(NET_OF[stem], config, stocked)

    assert NET_OF[stem] in TRAINED
    assert schedule_of(config["schedule"], task).steps > 0


@pytest.mark.parametrize(
    ("net", "config", "file", "key"),
    [
        ("crop", {"task": {"unlabelled_score": 0.4}}, "crop", "unlabelled_score: 0"),
        ("mask", {"sources": ["some"], "real": ["worn"]}, "mask", "leave out the key 'real'"),
        ("inpaint", {"sources": ["some"]}, "landmarks", "guided: false"),
    ],
)
def test_without_the_net_that_it_builds_on_a_config_says_what_to_change(
    stocked, tmp_path, net, config, file, key
):
    config = {"seed": 1, "device": "cpu", **config}

    with pytest.raises(WeightsError, match=rf"{file}\.safetensors is missing.*{key}"):
        build_task(net, config, stocked, stocked / "cache", tmp_path)


@pytest.mark.parametrize("stem", sorted(stem for stem, net in NET_OF.items() if net == "mask"))
def test_the_mask_net_never_waits_for_drawn_masks(stem):
    assert config_of(stem)["schedule"]["workers"] >= 1


def test_a_missing_file_of_verdicts_is_an_error(stocked):
    with pytest.raises(ValueError, match=r"there is no nowhere\.csv"):
        build("crop", {"seed": 1, "device": "cpu", "task": {"verdicts": "nowhere.csv"}}, stocked)


def test_the_originals_recipe_is_what_its_config_says(stocked):
    config = config_of("original")
    assert config["faces"] == 10_000

    task = build("inpaint", {**config, "faces": 40}, stocked)

    assert task.batch(0)["face"].shape == (16, 160, 160, 3)
    assert schedule_of(config["schedule"], task).steps == 192 * 40 / 16
    weights = [getattr(task.settings, name) for name in ("reconstruction", "whole", "region")]
    assert weights == [100, 0.3, 0.7]
    assert (task.settings.whole_from, task.settings.region_from) == (0, 0.4)
    assert isinstance(task.optimizers["net"], torch.optim.Adam)


def test_as_many_faces_as_wanted_are_trained_on_and_as_many_kept_apart(stocked):
    whole, part = (build("inpaint", small(faces=n), stocked) for n in (57, 20))

    assert (len(whole.faces), len(part.faces)) == (57, 20)
    assert part.apart.rows.tolist() == whole.apart.rows.tolist()


def test_more_faces_than_there_are_is_an_error(stocked):
    with pytest.raises(ValueError, match="58 are wanted"):
        build("inpaint", small(faces=58), stocked)


def test_faces_can_be_chosen_by_their_names(stocked):
    task = build("inpaint", small(only=["some/A*"]), stocked)

    assert {row % 2 for row in task.faces.rows} == {1}


def test_a_pattern_that_fits_no_name_is_an_error(stocked):
    with pytest.raises(ValueError, match="named like other/"):
        build("inpaint", small(only=["other/*"]), stocked)


def test_favoured_faces_are_seen_as_often_as_their_share_says(stocked, monkeypatch):
    seen = []
    monkeypatch.setattr(
        "models.training.inpaint.task.draw_sample",
        lambda faces, *_: seen.append({row % 2 for row in faces.rows} == {1}),
    )
    monkeypatch.setattr("models.training.inpaint.task.stack", lambda _: {})
    task = small()["task"] | {"batch_size": 100, "favoured_share": 0.3}

    build("inpaint", small(task=task, favoured=["some/A*"]), stocked).batch(0)

    assert 15 < sum(seen) < 45


def test_favoured_faces_that_are_all_held_back_are_an_error(stocked):
    task = small()["task"] | {"favoured_share": 0.3}

    with pytest.raises(ValueError, match=r"favoured: some/A19, some/A39: .* held back"):
        build("inpaint", small(task=task, favoured=["some/A19", "some/A39"]), stocked)


@pytest.mark.parametrize("half", [{"task": {"favoured_share": 0.3}}, {"favoured": ["some/A*"]}])
def test_favoured_faces_need_a_share_and_a_share_needs_faces(stocked, half):
    with pytest.raises(ValueError, match="give both"):
        build("inpaint", small(**half), stocked)


def test_refused_faces_in_real_masks_are_left_out(stocked, tmp_path):
    refused = tmp_path / "refused.csv"
    refused.write_text("name,why\nworn/C0,labels wrong\nworn/A1,no face\nother/C2,no face\n")
    config = {"seed": 1, "device": "cpu", "sources": ["some"], "real": ["worn"]}

    task = build("mask", {**config, "refused": str(refused)}, stocked)
    judge = build("judge", {**config, "refused": str(refused)}, stocked)

    assert task.real.faces.rows.tolist() == list(range(2, 60))
    assert {0, 1}.isdisjoint(judge.real.rows)


def test_refused_faces_of_the_sources_are_left_out_too(stocked, tmp_path):
    refused = tmp_path / "refused.csv"
    refused.write_text("name\nsome/C0\nsome/A19\n")
    config = {"seed": 1, "device": "cpu", "sources": ["some"]}

    whole = build("mask", config, stocked)
    part = build("mask", {**config, "refused": str(refused)}, stocked)

    assert {*whole.faces.rows} - {*part.faces.rows} == {0}
    assert {*whole.apart.rows} - {*part.apart.rows} == {19}


def test_names_of_refused_faces_that_fit_none_are_counted(stocked, tmp_path, capsys):
    refused = tmp_path / "refused.csv"
    refused.write_text("name\nworn/C0\nworn/C2.webp\nworn/C4.webp\nother/C2\n")
    config = {"seed": 1, "device": "cpu", "sources": ["some"], "real": ["worn"]}

    build("judge", {**config, "refused": str(refused)}, stocked)

    assert capsys.readouterr().out.splitlines() == [
        "refused: left out 1 of 120 faces; 2 more of its names fit none, such as worn/C2.webp"
    ]


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (None, ValueError, r"refused: there is no .*refused\.csv"),
        ("face,why\nworn/C0,no face\n", SourceError, r"refused\.csv has no column 'name'"),
    ],
)
def test_a_mistake_in_the_list_of_refused_faces_is_named_before_any_face_is_cut(
    stocked, tmp_path, monkeypatch, content, error, message
):
    monkeypatch.setattr("models.training.build.load_faces", None)
    if content:
        (tmp_path / "refused.csv").write_text(content)
    config = {"seed": 1, "device": "cpu", "sources": ["some"], "real": ["worn"]}

    with pytest.raises(error, match=message):
        build("mask", config | {"refused": str(tmp_path / "refused.csv")}, stocked)


def test_epochs_are_passes_over_the_training_faces(stocked):
    task = build("inpaint", small(), stocked)

    assert schedule_of({"epochs": 2, "learning_rate": 0.1}, task) == Schedule(57, 0.1)


def test_a_size_that_the_generator_cannot_fold_is_refused(stocked):
    with pytest.raises(ValueError, match="multiple of 16"):
        build("inpaint", small(task={"size": 100}), stocked)


def test_a_gpu_that_is_not_there_is_a_clear_error(stocked, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    with pytest.raises(ValueError, match="no GPU here"):
        build("inpaint", small(device="cuda"), stocked)


def test_too_few_faces_to_keep_one_apart_are_an_error(stocked):
    (stocked / "few").mkdir()
    labels = np.load(stocked / "some" / "labels.npz")
    points = labels["landmarks"][:5]
    np.savez(stocked / "few" / "labels.npz", name=labels["name"][:5], landmarks=points)
    write_store(stocked, "few", points)

    with pytest.raises(ValueError, match="few: 5 faces are too few"):
        build("inpaint", small(sources=["few"]), stocked)
