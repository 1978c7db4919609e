import io
import json
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml

from models.checkpoint import file_sha256
from models.training import train as training
from models.training.crop.labels import boxes_digest
from models.training.settings import ConfigError
from models.training.train import train_by
from tests.models.training.recipes import train

BOXES = {"photo": [{"label": "with_mask", "box": [0, 0, 9, 9]}]}
SCHEDULE = {"steps": 1, "learning_rate": 0.1}
COMMON = {"seed": 1, "device": "cpu", "schedule": SCHEDULE}
TRAININGS = {
    "crop": COMMON
    | {
        "start": "crop.safetensors",
        "task": {
            "sources": ["some"],
            "masked": [],
            "shares": [1.0],
            "unlabelled_score": 0.4,
            "verdicts": "verdicts.csv",
            "refused": "refused.csv",
        },
    },
    "mask": COMMON
    | {"sources": ["some"], "real": ["worn"], "refused": "refused.csv", "scenes": "photos"},
    "inpaint": COMMON | {"sources": ["some"], "start": "inpaint.safetensors"},
}


def write_labels(path, shift=0.0):
    np.savez(path, name=["a", "b"], landmarks=np.zeros((2, 68, 2), np.float32) + shift)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Faces, scenes, lists and weights, and a training that stops before its first step."""
    for source in ("some", "worn"):
        (tmp_path / source).mkdir()
        write_labels(tmp_path / source / "labels.npz")
    for scenes in ("scenes", "photos"):
        (tmp_path / scenes).mkdir()
        (tmp_path / scenes / "boxes.json").write_text(json.dumps(BOXES))
    write_labels(tmp_path / "scenes_landmarks.npz")
    (tmp_path / "weights").mkdir()
    for net in ("crop", "mask", "landmarks", "inpaint"):
        (tmp_path / "weights" / f"{net}.safetensors").write_text(net)
    for name in ("verdicts.csv", "refused.csv"):
        (tmp_path / name).write_text("name\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(training, "build_task", lambda *_: None)
    monkeypatch.setattr(training, "_go_on_from", lambda *_: None)
    monkeypatch.setattr(training, "fit", lambda *_: None)
    return tmp_path


def start(net, place, **changes):
    train(net, TRAININGS[net] | changes, place, place / "run", place / "weights")


def begun(place):
    return yaml.safe_load((place / "run" / "config.yaml").read_text())


@pytest.mark.parametrize(
    ("net", "file", "key"),
    [
        ("crop", "weights/crop.safetensors", "crop, start"),
        ("crop", "verdicts.csv", "verdicts"),
        ("crop", "refused.csv", "refused"),
        ("mask", "weights/mask.safetensors", "mask"),
        ("mask", "refused.csv", "refused"),
        ("inpaint", "weights/landmarks.safetensors", "landmarks"),
        ("inpaint", "weights/inpaint.safetensors", "start"),
    ],
)
def test_a_run_is_not_gone_on_with_by_another_net_or_list(place, net, file, key):
    start(net, place)
    (place / file).write_text("newer")

    with pytest.raises(ConfigError, match=rf"other content of .*{file} .*see {key} of") as error:
        start(net, place)

    (line,) = str(error.value).splitlines()
    assert "--weights" in line
    assert "--run" in line


@pytest.mark.parametrize(("net", "scenes"), [("crop", "scenes"), ("mask", "photos")])
def test_a_run_is_not_gone_on_with_by_other_boxes(place, net, scenes):
    start(net, place)
    moved = {"photo": [{"label": "with_mask", "box": [0, 0, 9, 10]}]}
    (place / scenes / "boxes.json").write_text(json.dumps(moved))

    with pytest.raises(ConfigError, match=rf"other content of .*{scenes} \(see scenes"):
        start(net, place)


def test_a_detectors_run_is_not_gone_on_with_by_other_points_of_its_scenes(place):
    start("crop", place)
    write_labels(place / "scenes_landmarks.npz", shift=1)

    with pytest.raises(ConfigError, match="see scenes"):
        start("crop", place)


def test_a_detectors_run_is_not_gone_on_with_by_other_faces(place):
    start("crop", place)
    write_labels(place / "some" / "labels.npz", shift=1)

    with pytest.raises(ConfigError, match=r"other faces \(see labels in"):
        start("crop", place)


@pytest.mark.parametrize("net", sorted(TRAININGS))
def test_a_run_goes_on_with_what_it_was_begun_with(place, net):
    start(net, place)
    before = begun(place)

    start(net, place, schedule=SCHEDULE | {"steps": 2})

    assert begun(place) == before | {"schedule": SCHEDULE | {"steps": 2}}


def test_a_run_goes_on_with_the_same_nets_from_another_folder(place):
    start("mask", place)
    (place / "weights").rename(place / "moved")

    train("mask", TRAININGS["mask"], place, place / "run", place / "moved")

    assert begun(place)["builds_on"]["mask"] == file_sha256(place / "moved" / "mask.safetensors")


def test_a_net_that_a_run_has_no_use_for_may_change(place):
    for net, other in (("inpaint", "mask"), ("mask", "landmarks")):
        train(net, TRAININGS[net], place, place / net, place / "weights")
        (place / "weights" / f"{other}.safetensors").write_text("newer")

        train(net, TRAININGS[net], place, place / net, place / "weights")


@pytest.mark.parametrize(("net", "kept"), [("crop", ()), ("mask", ("labels",))])
def test_a_run_of_an_old_version_goes_on_and_is_checked_from_then_on(place, net, kept):
    start(net, place)
    path, new = place / "run" / "config.yaml", {"labels", "builds_on"}
    old = {k: v for k, v in begun(place).items() if k not in new or k in kept}
    path.write_text(yaml.safe_dump(old))

    start(net, place)

    assert new <= begun(place).keys()
    (place / "refused.csv").write_text("newer")
    with pytest.raises(ConfigError, match="see refused"):
        start(net, place)


def test_a_refused_run_keeps_what_it_was_begun_with(place):
    start("mask", place)
    before = begun(place)
    (place / "weights" / "mask.safetensors").write_text("newer")

    with pytest.raises(ConfigError, match="mask"):
        start("mask", place)

    assert begun(place) == before


def test_boxes_in_a_zip_and_in_a_folder_are_the_same(place):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("scenes/boxes.json", json.dumps(BOXES))
        archive.writestr("scenes/photo.webp", b"")
    (place / "packed.zip").write_bytes(content.getvalue())

    assert boxes_digest(place / "packed.zip") == boxes_digest(place / "scenes")


@pytest.mark.parametrize("content", ["", "mine", "seed: ["])
def test_a_record_that_cannot_be_read_is_named(place, content):
    start("mask", place)
    (place / "run" / "config.yaml").write_text(content)

    with pytest.raises(ConfigError, match=r"run/config\.yaml: "):
        start("mask", place)


def test_a_full_disk_leaves_the_record_of_a_run_as_it_was(place, monkeypatch):
    start("mask", place)
    before = begun(place)

    def write_text(path, *_):
        path.write_bytes(b"")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", write_text)
    with pytest.raises(OSError, match="No space"):
        start("mask", place)

    assert begun(place) == before


def test_a_second_training_in_the_same_folder_waits_for_the_first(place, monkeypatch):
    seen = []

    def fit(*_):
        seen.append("begins")
        if len(seen) == 1:
            second.start()
            second.join(timeout=0.5)
        seen.append("ends")

    second = threading.Thread(target=start, args=("mask", place))
    monkeypatch.setattr(training, "fit", fit)
    start("mask", place)
    second.join()

    assert seen == ["begins", "ends"] * 2


def test_an_error_within_the_training_is_not_blamed_on_the_recipe(place, monkeypatch):
    def fit(*_):
        raise ValueError("math domain error")

    monkeypatch.setattr(training, "fit", fit)
    (place / "mine.yaml").write_text(yaml.safe_dump(TRAININGS["mask"]))

    with pytest.raises(ValueError, match=r"^math domain error$"):
        train_by(place / "mine.yaml", "mask", place, place / "run", place / "weights")
