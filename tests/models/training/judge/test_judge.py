import numpy as np
import pytest
import torch

from models.crop.frame import fit_frame, five_points, transform
from models.training.frames import STORE_PX, Faces
from models.training.judge.masks import draw_shape, draw_straps, lay_on, make_cloth
from models.training.judge.net import CELL_PX, JudgeConfig, JudgeNet
from models.training.judge.task import JudgeTask, JudgeTraining
from tests.portrait import LANDMARKS

SIZE = 256
POINTS = transform(LANDMARKS, fit_frame(five_points(LANDMARKS)))


@pytest.fixture
def faces():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, STORE_PX, STORE_PX, 3), dtype=np.uint8)
    points = POINTS + (STORE_PX - SIZE) / 2 + rng.normal(0, 1, (40, 68, 2))
    return Faces(images, points.astype(np.float32), np.array(["noise"] * 40), np.arange(40))


@pytest.fixture
def face():
    return np.full((SIZE, SIZE, 3), (200, 150, 130), np.uint8)


def task(faces, seed=1, **settings):
    torch.manual_seed(0)
    return JudgeTask(faces, faces, JudgeTraining(batch_size=4, **settings), seed)


def only(kind):
    shares = {"bare_share": 0.0, "painted_share": 0.0, "remains_share": 0.0}
    return shares | ({} if kind == "masked" else {f"{kind}_share": 1.0})


def test_the_judge_answers_for_cells_and_for_the_whole_picture():
    net = JudgeNet(JudgeConfig(widths=(4, 8, 8, 8))).eval()

    cells, seen = net(torch.zeros(2, 3, SIZE, SIZE))

    assert cells.shape == (2, SIZE // CELL_PX, SIZE // CELL_PX)
    assert seen.shape == (2,)


@pytest.mark.parametrize("seed", range(8))
def test_a_shape_covers_the_mouth_and_little_else(seed):
    points = POINTS
    shape = draw_shape(points, (SIZE, SIZE), np.random.default_rng(seed))

    x, y = points[48:68].mean(axis=0).astype(int)
    assert shape[y, x]
    assert 0.05 < shape.mean() < 0.6


def test_cloth_lies_only_where_it_is_laid(face):
    where = np.zeros((SIZE, SIZE), bool)
    where[120:200, 70:190] = True
    rng = np.random.default_rng(0)

    worn, mask = lay_on(face, make_cloth(face, lambda: face, rng), where, rng)

    np.testing.assert_array_equal(worn[:60], face[:60])
    assert (mask == where).mean() > 0.99


def test_straps_run_beside_the_mask():
    where = np.zeros((SIZE, SIZE), bool)
    where[130:200, 90:170] = True

    straps = [draw_straps(POINTS, where, np.random.default_rng(s)) for s in range(12)]

    assert any(s.any() for s in straps)
    assert not all(s.any() for s in straps)
    assert all((s & ~where).any() for s in straps if s.any())


@pytest.mark.parametrize(
    ("kind", "seen"), [("bare", False), ("painted", False), ("remains", True), ("masked", True)]
)
def test_each_kind_of_sample_has_its_answer(faces, kind, seen):
    batch = task(faces, **only(kind)).batch(0)

    assert (batch["seen"] == float(seen)).all()
    assert bool(batch["cells"].any()) == seen


def test_remains_are_smaller_than_masks(faces):
    masked, remains = (task(faces, **only(k)).batch(0)["cells"] for k in ("masked", "remains"))

    assert 0 < remains.mean() < masked.mean()


def test_the_judges_losses_are_tensors_so_that_no_step_waits_for_a_gpu(faces):
    judge = task(faces)

    losses = judge.train_step(judge.batch(0), progress=0.5)

    assert {"cells", "seen", "right"} == set(losses)
    assert all(isinstance(own, torch.Tensor) and not own.requires_grad for own in losses.values())


def test_a_sheet_shows_samples(faces):
    judge = task(faces)

    assert judge.sheet(judge.net.eval()).shape == (5 * SIZE, 8 * SIZE, 3)
