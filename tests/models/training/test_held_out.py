"""The losses on held-out faces: of these alone, the same each time, and without any effect."""

import random

import numpy as np
import pytest
import torch

from models.inpaint.generator import Generator, GeneratorConfig
from models.landmarks.net import LandmarkConfig, LandmarkNet
from models.mask.unet import UNetConfig
from models.training.crop.task import CropTask
from models.training.frames import STORE_PX, Faces
from models.training.inpaint.task import InpaintTask, InpaintTraining
from models.training.judge.task import JudgeTask, JudgeTraining
from models.training.landmarks.task import LandmarkTask, LandmarkTraining
from models.training.loop import Schedule, fit
from models.training.mask.real_masks import RealFaces
from models.training.mask.task import MaskTask, MaskTraining
from tests.models.training.crop.test_task import SETTINGS, SIZES, folder  # noqa: F401, a fixture
from tests.models.training.test_tasks import oval_face

NETS = ("crop", "mask", "landmarks", "inpaint", "judge")
UNET = UNetConfig(width=4, depth=2)
POINTS = LandmarkConfig(widths=(4, 4, 8, 8), blocks=(1, 1, 1, 1), features=8)
PAINTER = GeneratorConfig(width=8, middle=8, deep=8, head=8)
COUNT = 6  # samples of a batch of held-out faces
ROWS = np.array([0, 1, 2, 19, 39])  # the last two are held out


@pytest.fixture
def faces():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, STORE_PX, STORE_PX, 3), dtype=np.uint8)
    points = oval_face() + rng.normal(0, 1, (40, 68, 2)).astype(np.float32)
    return Faces(images, points, np.array(["noise"] * 40), ROWS)


@pytest.fixture
def build(faces, folder, monkeypatch):  # noqa: F811
    def make(net):
        torch.manual_seed(0)
        monkeypatch.setattr(f"models.training.{net}.task.HELD_OUT", COUNT)
        if net == "crop":
            return CropTask(folder, SETTINGS, 1, sizes=SIZES)
        if net == "mask":
            trained = faces.only(ROWS[:3])
            real = RealFaces(trained, np.ones((40, STORE_PX, STORE_PX), np.uint8))
            return MaskTask(faces, real, [], MaskTraining(2, real_share=0.5), 1, sizes=UNET)
        if net == "landmarks":
            return LandmarkTask(faces, LandmarkTraining(2), 1, sizes=POINTS)
        if net == "judge":
            return JudgeTask(faces, faces.only(ROWS[:3]), JudgeTraining(2), 1)
        settings = InpaintTraining(2, size=32, guided=False)
        return InpaintTask(faces, None, settings, 1, sizes=PAINTER)

    return make


@pytest.mark.parametrize("net", NETS)
def test_a_batch_of_held_out_faces_depends_on_its_number_alone(build, net):
    first, again, other = (build(net).held_out_batch(number) for number in (1, 1, 2))

    picture = "images" if net == "crop" else "face"
    assert first.keys() == build(net).batch(0).keys()
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert len(first[picture]) == COUNT
    assert not torch.equal(first[picture], other[picture])


def test_its_losses_are_the_same_for_each_seed_of_a_run(faces):
    settings, painter = InpaintTraining(2, size=32), Generator(PAINTER).eval()
    tasks = [
        InpaintTask(faces, LandmarkNet(POINTS), settings, seed, sizes=PAINTER) for seed in (1, 2)
    ]
    tasks[1].landmark_net.load_state_dict(tasks[0].landmark_net.state_dict())

    one, other = (task.losses(painter, task.held_out_batch(0)) for task in tasks)

    assert one == other


@pytest.mark.parametrize("net", ["mask", "landmarks", "inpaint"])
def test_it_shows_held_out_faces_only(build, monkeypatch, net):
    task, seen, look = build(net), set(), Faces.__getitem__
    monkeypatch.setattr(
        Faces, "__getitem__", lambda of, i: seen.add(int(of.rows[i])) or look(of, i)
    )

    task.held_out_batch(0)

    assert seen == {19, 39}


@pytest.mark.parametrize("net", NETS)
def test_its_losses_are_those_of_training(build, net):
    task = build(net)

    losses = task.losses(task.net, task.held_out_batch(0))

    names = set(task.train_step(task.batch(0), 1.0))
    assert set(losses) == names - {"whole", "region"}
    assert all(torch.isfinite(loss) for loss in losses.values())


@pytest.mark.parametrize("net", NETS)
def test_a_run_learns_the_same_however_often_they_are_computed(build, tmp_path, monkeypatch, net):
    ends = []
    for save_every in (1, 100):
        random.seed(0)
        np.random.seed(0)
        task = build(net)  # seeds torch
        averages, export = [], task.export

        def note(path, net, averages=averages, export=export):
            averages.append(net)
            export(path, net)

        monkeypatch.setattr(task, "export", note)
        monkeypatch.setattr(task, "sheet", lambda _: np.zeros((4, 4, 3), np.uint8))
        schedule = Schedule(2, 0.001, log_every=1, save_every=save_every)
        fit(task, tmp_path / str(save_every), schedule)
        nets = (task.net, averages[-1], *task.others.values())
        weights = [dict(n.state_dict()) for n in nets]
        ends.append((weights, (random.random(), np.random.random(), torch.rand(1).item())))

    (often, chance), (rarely, other_chance) = ends
    assert chance == other_chance
    for one, other in zip(often, rarely, strict=True):
        assert all(torch.equal(one[key], other[key]) for key in one)
