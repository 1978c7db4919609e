"""Mistakes in a recipe are named in one line, before any face is read."""

from math import inf

import pytest
import torch

from models.training.settings import ConfigError
from models.training.train import train_by
from tests.models.training.recipes import train
from tests.models.training.test_build import SCHEDULE, small


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (None, "is empty: it must be a mapping"),
        ("mine", "is 'mine': it must be a mapping"),
        ({"seed": 1}, "needs device, sources, schedule"),
        (small(schedule=None), "schedule is None: it must be a mapping"),
        (small(schedule={}), "needs schedule"),
        (small(schedule={"steps": 1}), "schedule needs learning_rate"),
        (small(schedule={"learning_rate": 0.1}), "schedule needs steps"),
        (small(schedule={"steps": "many"}), "steps is 'many': it must be a whole number"),
        (small(schedule={"steps": True}), "steps is True: it must be a whole number"),
        (small(schedule={"learning_rate": "1e-3"}), "learning_rate is '1e-3': .* like 0.001"),
        (small(sources="mine"), r"sources is 'mine': it must be a list .* \[mine\]"),
        (small(sources=[1]), r"sources is \[1\]: it must be a list"),
        (small(sources=[]), "needs sources"),
        (small(seed="1"), "seed is '1': it must be a whole number"),
        (small(schedule=SCHEDULE, seed=-1), "seed is -1: it must be 0 or more"),
        (small(schedule=SCHEDULE, faces=-5), "faces is -5: it must be 1 or more"),
        (small(schedule=SCHEDULE, faces=0), "faces is 0: it must be 1 or more"),
        (small(schedule=SCHEDULE, sources=["mine"] * 2), "sources is .*: name each source once"),
        (small(task="big", schedule=SCHEDULE), "task is 'big': it must be a mapping"),
        (small(task={"batch_size": "12"}, schedule=SCHEDULE), "batch_size is '12'"),
        (small(task={"guided": 1}, schedule=SCHEDULE), "guided is 1: .* true or false"),
        (small(net={"width": "8"}, schedule=SCHEDULE), "net: width is .8.: it must be a whole"),
        (small(net={"width": 0}, schedule=SCHEDULE), "net: width is 0: it must be more than 0"),
        (small(net={"width": 30}, schedule=SCHEDULE), "net: width is 30: .* multiple of 4"),
        (small(schedule=SCHEDULE | {"steps": 0}), "schedule: steps is 0: it must be 1 or more"),
        (small(schedule={"epochs": 0.0, "learning_rate": 0.1}), "epochs is 0.0: .* more than 0"),
        (small(schedule={"epochs": inf, "learning_rate": 0.1}), "epochs is inf: .* finite"),
        (small(schedule=SCHEDULE | {"epochs": 2}), "schedule: give either steps or epochs"),
        (small(task={"batch_size": 0}, schedule=SCHEDULE), "task: batch_size is 0: it must be 1"),
        (small(task={"reconstruction": 0}, schedule=SCHEDULE), "reconstruction is 0: .* above 0"),
        (small(task={"size": 100}, schedule=SCHEDULE), "task: size 100: .* multiple of 16"),
        (small(task={"guess_share": 1.5}, schedule=SCHEDULE), "guess_share is 1.5: .* from 0 to 1"),
    ],
)
def test_a_mistake_in_a_config_is_named_before_any_face_is_read(tmp_path, config, message):
    with pytest.raises(ConfigError, match=message):
        train("inpaint", config, tmp_path / "nowhere", tmp_path / "run", tmp_path)


@pytest.mark.parametrize("device", ["gpu", "GPU", "cuda:1", "cuda:", "cuda:-1", "cuda0", "mps"])
def test_a_device_that_is_not_there_is_named_before_any_face_is_read(tmp_path, monkeypatch, device):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    config = small(device=device, schedule=SCHEDULE)

    with pytest.raises(ConfigError, match=f"device is '{device}': .* cpu, auto, cuda, cuda:0$"):
        train("inpaint", config, tmp_path / "nowhere", tmp_path / "run", tmp_path)


def test_a_gpu_on_a_machine_without_one_is_named_before_any_face_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    config = small(device="cuda:0", schedule=SCHEDULE)

    with pytest.raises(ConfigError, match="device: torch sees no GPU here; use cpu or auto"):
        train("inpaint", config, tmp_path / "nowhere", tmp_path / "run", tmp_path)


def test_lists_of_a_task_are_checked_too(tmp_path):
    config = {"seed": 1, "device": "cpu", "schedule": SCHEDULE, "task": {"sources": "mine"}}

    with pytest.raises(ConfigError, match="task: sources is 'mine': it must be a list"):
        train("crop", config, tmp_path / "nowhere", tmp_path / "run", tmp_path)


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ({"shares": [1.0]}, "shares has 1 numbers, sources has 2: as many"),
        ({"shares": [0.5, 0.6]}, r"shares is \[0.5, 0.6\]: these must be 0 or more, and sum to 1"),
        ({"shares": [1.5, -0.5]}, "these must be 0 or more"),
        ({"canvases": [320]}, "canvas_shares has 3 numbers, canvases has 1"),
        ({"canvases": [320, 448, 600]}, "sides that are multiples of 64 px"),
        ({"pixels": 0}, "pixels is 0: it must be 1 or more"),
        ({"masked": ["b", "bb"]}, r"masked has \['bb'\], which sources lacks"),
    ],
)
def test_what_a_detector_cannot_draw_from_is_named_before_any_face_is_read(tmp_path, task, message):
    task = {"sources": ["a", "b"], "masked": [], "shares": [0.5, 0.5], **task}
    config = {"seed": 1, "device": "cpu", "schedule": SCHEDULE, "task": task}

    with pytest.raises(ConfigError, match=f"the training config of crop: task: .*{message}"):
        train("crop", config, tmp_path / "nowhere", tmp_path / "run", tmp_path)


def test_shares_of_the_judges_samples_that_sum_to_more_than_1_are_refused(tmp_path):
    config = {"seed": 1, "device": "cpu", "sources": ["some"], "real": ["worn"]}
    config |= {"schedule": SCHEDULE, "task": {"bare_share": 0.6, "painted_share": 0.3}}

    with pytest.raises(ConfigError, match=r"task: the shares sum to 1.15: .* 1 or less"):
        train("judge", config, tmp_path / "nowhere", tmp_path / "run", tmp_path)


def test_a_detector_counts_no_epochs(tmp_path):
    schedule = {"epochs": 1, "learning_rate": 0.1}
    config = {"seed": 1, "device": "cpu", "schedule": schedule}

    with pytest.raises(ConfigError, match=r"schedule has no key \['epochs'\]"):
        train("crop", config, tmp_path / "nowhere", tmp_path / "run", tmp_path)


@pytest.mark.parametrize(
    ("net", "sizes", "message"),
    [
        ("landmarks", {"widths": [8, 16], "blocks": [1]}, "widths has 2 numbers, blocks 1"),
        ("crop", {"necks": [8, 8]}, "necks has 2 numbers: it must have 4"),
    ],
)
def test_lists_of_a_nets_sizes_must_be_as_long_as_it_needs(tmp_path, net, sizes, message):
    config = {"seed": 1, "device": "cpu", "schedule": SCHEDULE, "net": sizes}
    config |= {"sources": ["some"]} if net == "landmarks" else {}

    with pytest.raises(ConfigError, match=f"net: {message}"):
        train(net, config, tmp_path / "nowhere", tmp_path / "run", tmp_path)


@pytest.mark.parametrize(
    ("net", "sizes", "message"),
    [
        ("mask", {"depth": -1}, "depth is -1: it must be 0 or more"),
        (
            "landmarks",
            {"blocks": [-1, 2, 2, 1]},
            r"blocks is \[-1, 2, 2, 1\]: it must be 0 or more",
        ),
    ],
)
def test_numbers_of_layers_cannot_be_negative(tmp_path, net, sizes, message):
    config = {"seed": 1, "device": "cpu", "sources": ["some"], "schedule": SCHEDULE, "net": sizes}

    with pytest.raises(ConfigError, match=f"net: {message}"):
        train(net, config, tmp_path / "nowhere", tmp_path / "run", tmp_path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("seed: 1", "the training config of mask needs device, sources, schedule"),
        ("seed: [", "while parsing a flow node"),
        ("device: caf\xe9", "'utf-8' codec can't decode"),
    ],
)
def test_a_mistake_in_a_recipe_is_a_line_that_begins_with_its_path(tmp_path, content, words):
    path = tmp_path / "mine.yaml"
    path.write_bytes(content.encode("latin-1"))

    with pytest.raises(ConfigError) as error:
        train_by(path, "mask", tmp_path / "faces", tmp_path / "run", tmp_path)

    (line,) = str(error.value).splitlines()
    assert line.startswith(f"{path}: {words}")
