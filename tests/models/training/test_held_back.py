"""No net is trained on the data held back for evaluation."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from models.training.ablations.plan import read_tables
from models.training.build import build_task
from models.training.crop.labels import is_held_back
from models.training.frames import STORE_PX, Faces
from models.training.inpaint.task import InpaintTask, InpaintTraining
from models.training.judge.task import JudgeTask, JudgeTraining
from models.training.landmarks.task import LandmarkTask, LandmarkTraining
from models.training.mask.task import MaskTask, MaskTraining
from tests.models.training.stores import write_store
from tests.models.training.test_tasks import oval_face

CONFIGS = Path(__file__).parents[3] / "configs" / "train"
TRAINED, APART = [0, 1], list(range(19, 400, 20))  # rows; most are held back, so that a slip shows


def recipes():
    """The config of each shipped recipe and each row of the ablations, by name."""
    plan = CONFIGS / "ablations.yaml"
    found = {
        str(path.relative_to(CONFIGS)): yaml.safe_load(path.read_text())
        for path in CONFIGS.rglob("*.yaml")
        if path != plan
    }
    for table in read_tables(plan).values():
        found |= {f"{table.name}: {row}": config for row, config in table.rows.items()}
    return found


def build(name, faces):
    if name == "landmarks":
        return LandmarkTask(faces, LandmarkTraining(batch_size=4), seed=1)
    if name == "mask":
        return MaskTask(faces, None, [], MaskTraining(batch_size=4), seed=1)
    if name == "judge":
        worn = faces.only(np.array(TRAINED))
        return JudgeTask(faces, worn, JudgeTraining(batch_size=4), seed=1)
    return editor(faces)


def editor(faces, favoured=None, **settings):
    painting = InpaintTraining(batch_size=4, size=32, guided=False, **settings)
    return InpaintTask(faces, None, painting, seed=1, favoured=favoured)


@pytest.fixture
def faces():
    images = np.broadcast_to(np.uint8(90), (400, STORE_PX, STORE_PX, 3))
    points = np.repeat(oval_face()[None], 400, axis=0)
    return Faces(images, points, np.array(["grey"] * 400), np.array(TRAINED + APART))


@pytest.fixture
def seen(monkeypatch):
    """Rows of the faces that are read."""
    rows, look = set(), Faces.__getitem__

    def looked(faces, index):
        rows.add(int(faces.rows[index]))
        return look(faces, index)

    monkeypatch.setattr(Faces, "__getitem__", looked)
    return rows


def real_sources(config):
    return {*config.get("real", ()), *config.get("task", {}).get("masked", ())}


@pytest.mark.parametrize(
    "recipe", [name for name, c in recipes().items() if real_sources(c) & {"masked", "worn"}]
)
def test_who_learns_from_our_real_masks_leaves_out_those_that_measure(recipe):
    config = recipes()[recipe]

    refused = config.get("refused") or config["task"].get("refused")

    assert refused == "configs/train/refused.csv"


@pytest.mark.parametrize("name", ["landmarks", "mask", "inpaint", "judge"])
def test_no_net_is_trained_on_faces_kept_apart(faces, seen, name):
    task = build(name, faces)

    for step in range(4):
        task.batch(step)

    assert seen == set(TRAINED)


def test_favoured_faces_that_are_kept_apart_are_not_trained_on(faces, seen):
    task = editor(faces, faces.only(np.array([1, *APART])), favoured_share=1.0)

    task.batch(0)

    assert seen == {1}


def test_the_mask_net_sees_no_background_of_scenes_held_back(tmp_path):
    (tmp_path / "some").mkdir()
    points = np.repeat(oval_face()[None], 20, axis=0)
    names = [str(row) for row in range(20)]
    np.savez(tmp_path / "some" / "labels.npz", name=names, landmarks=points)
    write_store(tmp_path, "some", points)
    (tmp_path / "photos").mkdir()
    for name in names:
        cv2.imwrite(str(tmp_path / "photos" / f"{name}.webp"), np.zeros((8, 8, 3), np.uint8))
    (tmp_path / "photos" / "boxes.json").write_text(json.dumps({name: [] for name in names}))
    config = {"seed": 1, "device": "cpu", "sources": ["some"], "scenes": "photos"}

    task = build_task("mask", config, tmp_path, tmp_path / "cache", tmp_path)

    assert 0 < len(task.scenes) < len(names)
    assert not any(is_held_back(scene.name) for scene in task.scenes)
