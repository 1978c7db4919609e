import dataclasses
import io
import json
import zipfile

import cv2
import numpy as np
import pytest
import torch

from models.checkpoint import load_net
from models.crop.detect import Face
from models.crop.net import DetectorConfig, FaceDetector
from models.training.crop.compose import Canvas, compose_canvas
from models.training.crop.labels import is_held_back
from models.training.crop.task import CropTask, CropTraining, _to_batch, draw_faces
from models.training.rounding import with_rounded_weights
from models.training.sources import SourceError


def landmarks68():
    angles = np.linspace(0, 2 * np.pi, 68, endpoint=False)
    return (np.stack([np.cos(angles), np.sin(angles)], axis=1) * 25 + 48).astype(np.float32)


def add_pictures(archive, names):
    rng = np.random.default_rng(0)
    for name in names:
        image = rng.integers(0, 256, (96, 96, 3), dtype=np.uint8)
        archive.writestr(f"{name}.webp", cv2.imencode(".webp", image)[1].tobytes())


SETTINGS = CropTraining(
    sources=("tiny",),
    masked=(),
    shares=(1.0,),
    canvases=(64, 128),
    canvas_shares=(0.5, 0.5),
    pixels=2 * 128 * 128,
    pretrained=False,
)
SIZES = DetectorConfig(0.1, 8, (8, 8, 8, 8))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faces")
    names = [f"n{i}" for i in range(40)]  # enough to hold a tenth back
    labels = io.BytesIO()
    np.savez(labels, name=names, landmarks=np.stack([landmarks68()] * len(names)))
    with zipfile.ZipFile(folder / "tiny.zip", "w") as archive:
        add_pictures(archive, names)
        archive.writestr("labels.npz", labels.getvalue())
    boxes = {name: [{"label": "without_mask", "box": [20, 20, 80, 80]}] for name in names}
    with zipfile.ZipFile(folder / "scenes.zip", "w") as archive:
        add_pictures(archive, names)
        archive.writestr("boxes.json", json.dumps(boxes))
    return folder


@pytest.fixture(scope="module")
def task(folder):
    return CropTask(folder, SETTINGS, seed=1, sizes=SIZES)


def test_the_same_step_gives_the_same_batch(task):
    first, again = task.batch(3), task.batch(3)

    assert first.keys() == again.keys()
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_batches_of_all_sizes_hold_about_the_same_pixels(task):
    shapes = {tuple(task.batch(step)["images"].shape) for step in range(12)}

    assert shapes == {(8, 64, 64, 3), (2, 128, 128, 3)}


def test_pictures_held_back_are_on_sheets_alone(task, monkeypatch):
    pools = []
    monkeypatch.setattr(
        "models.training.crop.task.compose_canvas",
        lambda pool, *rest: pools.append(pool) or compose_canvas(pool, *rest),
    )
    task.batch(0)
    trained = pools[-1]
    task.sheet(task.net.eval())
    apart = pools[-1]

    for pool, held_back in ((trained, False), (apart, True)):
        for pictures in (pool.scenes, *pool.faces):
            assert {is_held_back(picture.name) for picture in pictures} == {held_back}
    assert len(trained.scenes) + len(apart.scenes) == 40


def test_a_source_without_pictures_to_hold_back_is_refused(folder, tmp_path):
    refused = tmp_path / "refused.csv"
    names = [f"tiny/n{index}" for index in range(40) if is_held_back(f"n{index}")]
    refused.write_text("\n".join(["name", *names]))

    with pytest.raises(SourceError, match=rf"tiny: {40 - len(names)} pictures are too few"):
        CropTask(folder, dataclasses.replace(SETTINGS, refused=str(refused)), seed=1, sizes=SIZES)


def test_it_says_how_many_faces_are_refused(folder, tmp_path, capsys):
    refused = tmp_path / "refused.csv"
    refused.write_text("name\ntiny/n1\ntiny/n2.webp\nelsewhere/n3\n")

    CropTask(folder, dataclasses.replace(SETTINGS, refused=str(refused)), seed=1, sizes=SIZES)

    said = capsys.readouterr().out
    assert (
        "refused: left out 1 of 40 faces; 1 more of its names fit none, such as tiny/n2.webp"
        in said
    )


def test_faces_that_the_verdicts_add_are_trained_on(folder, task, tmp_path):
    verdicts = tmp_path / "verdicts.csv"
    lines = [f"n{index},10,10,40,40,face" for index in range(40)]
    verdicts.write_text("\n".join(["photo,x0,y0,x1,y1,verdict", *lines]))
    settings = dataclasses.replace(SETTINGS, verdicts=str(verdicts))

    judged = CropTask(folder, settings, seed=1, sizes=SIZES)

    def faces(task):
        return sum(int(task.batch(step)["counts"].sum()) for step in range(8))

    assert faces(judged) > faces(task)


def canvas_of(*counts):
    """A canvas with a box for each, which counts as a face or not."""
    boxes, points = np.ones((len(counts), 4), np.float32), np.ones((len(counts), 5, 2), np.float32)
    image = np.zeros((64, 64, 3), np.uint8)
    return Canvas(image, boxes, points, points[..., 0], np.array(counts))


def test_padding_is_neither_a_face_nor_ignored():
    batch = _to_batch([canvas_of(True, False, True), canvas_of(False)])

    assert batch["counts"].tolist() == [[True, False, True], [False] * 3]
    assert batch["ignored"].tolist() == [[False, True, False], [True, False, False]]


def test_a_few_steps_on_one_batch_lower_its_loss(task):
    torch.manual_seed(0)
    batch = task.batch(0)

    losses = [task.train_step(batch, 0.0)["loss"] for _ in range(8)]

    assert losses[-1] < losses[0]


def test_the_exported_weights_load_as_the_detector(task, tmp_path):
    task.export(tmp_path / "crop.safetensors", task.net)

    net = load_net(tmp_path / "crop.safetensors", FaceDetector, DetectorConfig)

    torch.testing.assert_close(
        net.backbone.stem[0].weight,
        with_rounded_weights(task.net).backbone.stem[0].weight,
        atol=1e-3,
        rtol=1e-2,
    )
    picture = torch.rand(1, 3, 64, 64) * 2 - 1
    expected = task.net.eval()(picture)
    torch.testing.assert_close(net(picture).boxes, expected.boxes, atol=0.5, rtol=0)
    torch.testing.assert_close(net(picture).logits, expected.logits, atol=0.05, rtol=0)


def test_the_sheet_shows_twelve_canvases(task):
    assert task.sheet(task.net.eval()).shape == (3 * 320, 4 * 320, 3)


def test_drawing_leaves_the_picture_itself_alone():
    image = np.zeros((40, 40, 3), np.uint8)
    face = Face(np.array([5, 5, 30, 30], np.float32), 0.9, np.full((5, 2), 15, np.float32))

    drawn = draw_faces(image, [face])

    assert drawn.any()
    assert not image.any()
