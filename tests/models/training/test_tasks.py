from copy import deepcopy

import numpy as np
import pytest
import torch

from models.checkpoint import load_net
from models.landmarks.net import LandmarkConfig, LandmarkNet
from models.training.drawing import KINDS
from models.training.frames import STORE_PX, Faces
from models.training.inpaint.task import InpaintTask, InpaintTraining
from models.training.judge.task import JudgeTask, JudgeTraining
from models.training.landmarks.task import LandmarkTask, LandmarkTraining
from models.training.loop import set_rates
from models.training.mask.real_masks import OPEN, RealFaces
from models.training.mask.task import MaskTask, MaskTraining
from models.training.samples import draw_sample
from models.training.settings import ConfigError
from tests.models.training.recipes import train

STRAIGHT = np.array([[1, 0, -16], [0, 1, -16]], np.float32)  # store px to frame px


def oval_face():
    """68 points laid out like a face, px of a stored face."""
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


def inpaint_task(faces, seed=1, **settings):
    torch.manual_seed(0)
    net = LandmarkNet(LandmarkConfig(widths=(4, 8), blocks=(1, 1), features=8))
    return InpaintTask(faces, net, InpaintTraining(batch_size=2, **settings), seed)


def mask_task(faces, label=1, seed=1, **settings):
    labels = np.full((len(faces), STORE_PX, STORE_PX), label, np.uint8)
    real = RealFaces(faces, labels)
    return MaskTask(faces, real, [], MaskTraining(batch_size=2, **settings), seed)


def build(name, faces, seed=1):
    torch.manual_seed(0)
    if name == "landmarks":
        return LandmarkTask(faces, LandmarkTraining(batch_size=2), seed)
    if name == "mask":
        return mask_task(faces, seed=seed, real_share=0.5)
    if name == "judge":
        return JudgeTask(faces, faces, JudgeTraining(batch_size=2), seed)
    return inpaint_task(faces, seed)


@pytest.fixture
def added_losses(monkeypatch):
    """The losses on which tasks of any net call backward; nothing is learnt."""
    added = []
    monkeypatch.setattr(torch.Tensor, "backward", lambda loss: added.append(loss.item()))
    return added


@pytest.mark.parametrize("name", ["landmarks", "mask", "inpaint", "judge"])
def test_a_step_moves_the_net_and_gives_finite_losses(faces, name):
    task = build(name, faces)
    before = [p.clone() for p in task.net.parameters()]

    losses = task.train_step(task.batch(0), progress=0.5)

    assert all(np.isfinite(float(value)) for value in losses.values())
    assert any(not torch.equal(a, b) for a, b in zip(before, task.net.parameters(), strict=True))


@pytest.mark.parametrize("name", ["landmarks", "mask", "inpaint", "judge"])
def test_a_batch_depends_on_its_step_alone(faces, name):
    task = build(name, faces)

    first, again, other = task.batch(3), task.batch(3), task.batch(4)

    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["face"], other["face"])


@pytest.mark.parametrize("name", ["landmarks", "mask", "inpaint", "judge"])
def test_another_seed_has_other_batches(faces, name):
    first, other = (build(name, faces, seed).batch(0) for seed in (1, 2))

    assert not torch.equal(first["face"], other["face"])


@pytest.mark.parametrize("name", ["landmarks", "mask", "inpaint"])
def test_a_sheet_shows_samples(faces, name):
    task = build(name, faces)

    sheet = task.sheet(task.net.eval())

    assert sheet.dtype == np.uint8
    assert sheet.shape[1] > sheet.shape[0] // 3 > 50


def test_a_real_face_comes_with_its_own_labels(faces):
    labels = np.zeros((len(faces), STORE_PX, STORE_PX), np.uint8)
    labels[7] = 1
    real = RealFaces(faces.only(np.array([7])), labels)
    settings = MaskTraining(batch_size=2, real_share=1.0, background_share=0.0, jitter=0.0)

    batch = MaskTask(faces, real, [], settings, seed=1).batch(0)

    assert (batch["mask"][..., 64:-64, 64:-64] == 1).all()


def test_turned_labels_of_a_real_face_are_still_labels(faces):
    labels = np.random.default_rng(0).choice(
        np.array([0, 1, OPEN], np.uint8), faces.images.shape[:3]
    )
    settings = MaskTraining(batch_size=2, real_share=1.0, background_share=0.0)

    batch = MaskTask(faces, RealFaces(faces, labels), [], settings, seed=1).batch(0)

    assert set(batch["mask"].unique().tolist()) == {0, 1, OPEN}


def test_a_hand_before_a_mask_is_no_mask(faces):
    without, held = (
        mask_task(faces, real_share=0.0, bare_share=0.0, background_share=0.0, hand_share=share)
        for share in (0.0, 1.0)
    )

    # Only the first of a batch: after its hand, the masks of the others are drawn differently.
    whole, hidden = (
        torch.stack([task.batch(step)["mask"][0] for step in range(8)]).bool()
        for task in (without, held)
    )

    assert not (hidden & ~whole).any()
    assert hidden.sum() < whole.sum()


def test_a_hand_before_a_bare_face_is_no_mask(faces):
    task = mask_task(faces, real_share=0.0, bare_share=1.0, background_share=0.0, hand_share=1.0)

    batch = task.batch(0)

    assert not batch["mask"].any()
    assert not batch["worn"].any()


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_as_many_samples_follow_the_guess_as_its_share_says(faces, monkeypatch, share):
    drawn = []
    monkeypatch.setattr(
        "models.training.inpaint.task.draw_lines",
        lambda points, hole: drawn.append(points) or np.zeros(hole.shape, np.uint8),
    )
    settings = {"label_jitter_px": 0.0, "size": 64, "whole": 0.0, "region": 0.0}
    task = inpaint_task(faces, guess_share=share, **settings)
    batch = task.batch(0)

    task.train_step(batch, progress=0.5)

    labels = zip(drawn, batch["points"].numpy(), strict=True)
    assert [np.allclose(a, b, atol=0.01) for a, b in labels] == [share == 0.0] * 2


@pytest.mark.parametrize("size", [96, 160, 256])
def test_guessed_lines_lie_alike_in_pictures_of_any_size(faces, size):
    torch.manual_seed(0)
    net = LandmarkNet(LandmarkConfig(widths=(4, 4, 8, 8), blocks=(1, 1, 1, 1), features=8))
    net.mean_face.copy_(torch.from_numpy(oval_face() - (STORE_PX - 256) / 2))
    net.head[-1].weight.data.zero_()
    net.head[-1].bias.data.zero_()
    task = InpaintTask(faces, net, InpaintTraining(batch_size=2, size=size), seed=1)

    lines = task.guessed_lines(torch.zeros(1, 3, size, size), torch.ones(1, 1, size, size))

    rows, columns = np.nonzero(lines[0, 0].numpy() > 0.5)
    points = (oval_face() - (STORE_PX - 256) / 2 + 0.5) * size / 256 - 0.5
    np.testing.assert_allclose(
        [rows.min(), rows.max(), columns.min(), columns.max()],
        [points[:, 1].min(), points[:, 1].max(), points[:, 0].min(), points[:, 0].max()],
        atol=1.5,
    )


def test_an_editor_without_a_guide_gets_no_lines(faces):
    task = InpaintTask(faces, None, InpaintTraining(batch_size=2, guided=False, size=64), seed=1)

    losses = task.train_step(task.batch(0), 0.5)

    assert np.isfinite(float(losses["l1"]))
    assert not task.guessed_lines(torch.zeros(1, 3, 64, 64), torch.ones(1, 1, 64, 64)).any()


def test_each_kind_of_mask_sees_so_many_faces_only(faces, monkeypatch):
    seen = {}

    def draw(points, shape, _, kind):
        seen.setdefault(kind, set()).add(points.tobytes())
        return np.ones(shape, bool)

    monkeypatch.setattr("models.training.samples.draw_outline", draw)
    monkeypatch.setattr("models.training.samples.jittered_frame", lambda *_, **__: STRAIGHT)
    rng = np.random.default_rng(0)
    for _ in range(300):
        draw_sample(faces, rng, 1.0, 0.0, 64, faces_per_kind=2)

    assert {len(some) for some in seen.values()} == {2}
    assert set(seen) == set(KINDS)
    assert len(set().union(*seen.values())) == 2 * len(KINDS)


def test_the_editor_learns_from_its_losses_by_their_weights(faces, monkeypatch, added_losses):
    task = inpaint_task(faces, size=64, reconstruction=50.0, structure=3.0)
    monkeypatch.setattr(task.adversaries, "loss", lambda *_: (torch.tensor(5.0), {}))

    losses = task.train_step(task.batch(0), progress=0.5)

    weighted = 50 * (float(losses["l1"]) + 3 * float(losses["1-ssim"])) + 5
    assert added_losses == [pytest.approx(weighted)]


def test_the_mask_net_learns_from_pixels_and_from_whether_a_mask_is_worn(faces, added_losses):
    task = mask_task(faces)

    losses = task.train_step(task.batch(0), progress=0.5)

    bce, dice, worn = (float(losses[name]) for name in ("bce", "dice", "worn"))
    assert added_losses == [pytest.approx(bce + dice + 0.1 * worn)]


def test_discriminators_learn_at_their_own_rate(faces):
    task = inpaint_task(faces, discriminator_rate=3.0)

    set_rates(task, 0.01)

    rates = {name: own.param_groups[0]["lr"] for name, own in task.optimizers.items()}
    assert rates == pytest.approx({"net": 0.01, "whole": 0.03, "region": 0.03})


def test_the_region_discriminator_joins_after_two_fifths(faces):
    task = inpaint_task(faces)

    early, late = (task.train_step(task.batch(0), progress) for progress in (0.39, 0.41))

    assert "whole" in early
    assert "region" not in early
    assert {"whole", "region"} <= set(late)


def test_discriminators_of_weight_zero_are_not_trained(faces):
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

    with pytest.raises(ConfigError, match=message):
        train("mask", whole, tmp_path, tmp_path / "run", tmp_path)


def test_real_masks_teach_as_far_as_they_are_labelled(faces):
    torch.manual_seed(0)
    task = mask_task(faces, label=OPEN, real_share=1.0)

    losses = task.train_step(task.batch(0), progress=0.5)

    assert float(losses["bce"]) == float(losses["dice"]) == 0
    assert float(losses["worn"]) > 0


def test_a_distance_of_features_needs_features(faces):
    with pytest.raises(ValueError, match="projected: true"):
        inpaint_task(faces, features=1.0)


SHAPE = ("shape_gauges", "shape_moves", "shape_levels", "shape_spread")


@pytest.fixture
def exported(faces, tmp_path):
    """The landmark net that a training on few faces exports, begun with this in its face model."""

    def export(begun_with):
        task = build("landmarks", faces)
        for name in SHAPE:
            getattr(task.net, name).fill_(begun_with)
        for _ in range(2):  # twice: an export must not change what the next one decides
            task.export(tmp_path / "net.safetensors", deepcopy(task.net).eval())
        return load_net(tmp_path / "net.safetensors", LandmarkNet, LandmarkConfig)

    return export


def test_few_faces_leave_the_face_model_of_the_start_as_it_is(exported):
    net = exported(0.5)

    assert all((getattr(net, name) == 0.5).all() for name in SHAPE)


def test_few_faces_make_a_face_model_where_there_is_none(exported):
    net = exported(0.0)

    assert all(getattr(net, name).any() for name in SHAPE)


def test_many_faces_make_a_face_model_of_their_own(exported, monkeypatch):
    monkeypatch.setattr("models.training.landmarks.task.FEWEST_FACES", 20)

    net = exported(0.5)

    assert not any((getattr(net, name) == 0.5).any() for name in SHAPE)
