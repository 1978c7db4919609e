import pytest
import torch

from models.crop.net import Candidates
from models.training.crop.loss import Targets, assign, cells_of, detection_loss

SIZE = 512
CELLS = cells_of(SIZE, torch.device("cpu"))


def targets(*boxes, counts=True, trust=1.0):
    faces = torch.tensor([boxes], dtype=torch.float32)
    shape = faces.shape[:2]
    centres = (faces[..., :2] + faces[..., 2:]) / 2
    return Targets(
        faces,
        centres[:, :, None].expand(-1, -1, 5, -1),
        torch.full((*shape, 5), trust),
        torch.full(shape, counts),
        torch.full(shape, not counts),
    )


def perfect(truth, logit):
    """Candidates whose boxes and points are those of the first face."""
    n = len(CELLS.centres)
    boxes = truth.boxes[:, :1].expand(-1, n, -1).clone()
    points = truth.points[:, :1].expand(-1, n, -1, -1).clone()
    index, _ = assign(truth, CELLS)
    logits = torch.where(index >= 0, logit, -logit)
    return Candidates(logits, boxes, points)


@pytest.mark.parametrize(("side", "stride"), [(20, 8), (70, 16), (160, 32), (420, 64)])
def test_the_size_of_a_face_chooses_the_stride(side, stride):
    low, high = 256 - side / 2, 256 + side / 2

    index, _ = assign(targets((low, low, high, high)), CELLS)

    assert set(CELLS.strides[index[0] >= 0].tolist()) == {float(stride)}


def test_the_cells_of_a_face_lie_around_its_centre():
    index, _ = assign(targets((40, 60, 100, 120)), CELLS)

    chosen = CELLS.centres[index[0] >= 0]
    assert len(chosen) > 1
    assert (chosen - torch.tensor([70.0, 90.0])).abs().max() <= 15


def test_every_face_has_a_cell_of_its_own():
    boxes = [(x, y, x + 12, y + 12) for x in (3, 77, 130) for y in (5, 90)]

    index, _ = assign(targets(*boxes), CELLS)

    assert set(index[0].tolist()) == {-1, *range(6)}


def test_cells_on_a_dont_care_face_count_neither_way():
    index, counted = assign(targets((40, 60, 100, 120), counts=False), CELLS)

    assert (index == -1).all()
    inside = ((CELLS.centres > torch.tensor([41.0, 61.0])) & (CELLS.centres < 99)).all(-1)
    assert not counted[0, inside].any()
    assert counted[0, CELLS.centres[:, 0] > 101].all()


def test_a_perfect_answer_costs_next_to_nothing():
    truth = targets((40, 60, 100, 120))

    loss, _ = detection_loss(perfect(truth, 12.0), truth, CELLS)

    assert loss < 1e-3


@pytest.mark.parametrize("what", ["logits", "boxes", "points"])
def test_each_part_of_a_wrong_answer_costs(what):
    truth = targets((40, 60, 100, 120))
    found = perfect(truth, 12.0)
    wrong = found._replace(**{what: getattr(found, what) + 10})

    assert detection_loss(wrong, truth, CELLS)[0] > 0.1


def test_points_without_trust_cost_nothing():
    truth = targets((40, 60, 100, 120), trust=0.0)
    found = perfect(truth, 12.0)

    _, parts = detection_loss(found._replace(points=found.points + 50), truth, CELLS)

    assert parts["points"] == 0


def test_a_batch_without_faces_has_a_finite_loss():
    truth = targets((0, 0, 0, 0), counts=False)
    truth.ignored[:] = False
    found = perfect(truth, 3.0)

    loss, _ = detection_loss(found, truth, CELLS)

    assert torch.isfinite(loss)


def test_the_parts_of_a_loss_are_tensors_so_that_no_step_waits_for_a_gpu():
    truth = targets((40, 60, 100, 120))

    loss, parts = detection_loss(perfect(truth, 3.0), truth, CELLS)

    assert all(isinstance(part, torch.Tensor) for part in parts.values())
    assert parts["loss"] == loss
