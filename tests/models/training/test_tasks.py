import numpy as np
import pytest
import torch

from models.landmarks.net import LandmarkConfig, LandmarkNet
from models.training.config import train
from models.training.frames import STORE_PX, Faces
from models.training.inpaint_task import InpaintTask, InpaintTraining
from models.training.landmark_task import LandmarkTask, LandmarkTraining
from models.training.mask_task import MaskTask, MaskTraining


def oval_face():
    """68 points laid out as a face is, px of a stored face."""
    jaw = [(128 + 75 * np.cos(a), 100 + 120 * np.sin(a)) for a in np.linspace(np.pi, 0, 17)]
    brows = [(x, 65) for x in (70, 80, 90, 100, 110, 146, 156, 166, 176, 186)]
    nose = [(128, y) for y in (86, 100, 115, 130)] + [(x, 140) for x in (112, 120, 128, 136, 144)]
    eyes = [
        (centre + 14 * np.cos(a), 86 + 6 * np.sin(a))
        for centre in (88, 168)
        for a in np.linspace(0, 2 * np.pi, 7)[:6]
    ]
    lips = [
        (128 - 33 * scale * np.cos(a), 168 - 12 * scale * np.sin(a))
        for scale, count in ((1.0, 12), (0.6, 8))
        for a in np.linspace(0, 2 * np.pi, count + 1)[:count]
    ]
    return np.array(jaw + brows + nose + eyes + lips, np.float32) + (STORE_PX - 256) / 2


@pytest.fixture
def faces():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, STORE_PX, STORE_PX, 3), dtype=np.uint8)
    points = oval_face() + rng.normal(0, 1, (40, 68, 2)).astype(np.float32)
    return Faces(images, points, np.array(["noise"] * 40), np.arange(40))


def inpaint_task(faces, **settings):
    torch.manual_seed(0)
    net = LandmarkNet(LandmarkConfig(widths=(4, 8), blocks=(1, 1), features=8))
    return InpaintTask(faces, net, InpaintTraining(batch_size=2, **settings), seed=1)


def build(name, faces):
    torch.manual_seed(0)
    if name == "landmarks":
        return LandmarkTask(faces, LandmarkTraining(batch_size=2), seed=1)
    if name == "mask":
        return MaskTask(faces, faces, [], MaskTraining(batch_size=2, real_share=0.5), seed=1)
    return inpaint_task(faces)


@pytest.mark.parametrize("name", ["landmarks", "mask", "inpaint"])
def test_a_step_moves_the_net_and_gives_finite_losses(faces, name):
    task = build(name, faces)
    before = [p.clone() for p in task.net.parameters()]

    losses = task.train_step(task.batch(0), progress=0.5)

    assert all(np.isfinite(value) for value in losses.values())
    assert any(not torch.equal(a, b) for a, b in zip(before, task.net.parameters(), strict=True))


@pytest.mark.parametrize("name", ["landmarks", "mask", "inpaint"])
def test_a_batch_depends_on_its_step_alone(faces, name):
    task = build(name, faces)

    first, again, other = task.batch(3), task.batch(3), task.batch(4)

    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["face"], other["face"])


@pytest.mark.parametrize("name", ["landmarks", "mask", "inpaint"])
def test_a_sheet_shows_samples(faces, name):
    task = build(name, faces)

    sheet = task.sheet(task.net.eval())

    assert sheet.dtype == np.uint8
    assert sheet.shape[1] > sheet.shape[0] // 3 > 50


def test_the_region_judge_joins_after_two_fifths(faces):
    task = inpaint_task(faces)

    early, late = (task.train_step(task.batch(0), progress) for progress in (0.39, 0.41))

    assert "whole" in early
    assert "region" not in early
    assert {"whole", "region"} <= set(late)


def test_judges_of_weight_zero_are_not_trained(faces):
    task = inpaint_task(faces, whole=0.0, region=0.0)

    assert set(task.train_step(task.batch(0), 1.0)) == {"l1", "1-ssim"}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"stepps": 1}, "stepps"),
        ({"schedule": {"steps": 1, "learning_rate": 1, "rate": 2}}, "rate"),
    ],
)
def test_a_misspelt_key_is_refused(tmp_path, config, message):
    whole = {"seed": 1, "device": "cpu", "sources": ["a"], **config}

    with pytest.raises(ValueError, match=message):
        train("mask", whole, tmp_path, tmp_path / "run", tmp_path)
