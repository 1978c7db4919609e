import pytest
import torch

from models.training.inpaint.adversaries import REGION, WHOLE, Adversaries
from models.training.inpaint.discriminators import hinge_discriminator, hinge_generator
from models.training.inpaint.features import CHANNELS, Features, feature_distance

SIDE = 64
BOTH = {WHOLE: 1.0, REGION: 1.0}


def set_rate(adversaries: Adversaries, rate: float) -> None:
    for optimizer in adversaries.optimizers.values():
        optimizer.param_groups[0]["lr"] = rate


@pytest.fixture(scope="module")
def features() -> Features:
    return Features()


@pytest.fixture
def truth() -> torch.Tensor:
    return torch.rand(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.fixture
def context() -> torch.Tensor:
    """The hole in the lower half, and no lines."""
    context = torch.zeros(2, 2, SIDE, SIDE)
    context[:, 0, SIDE // 2 :] = 1
    return context


def test_features_come_on_three_grids_and_never_learn(features, truth):
    maps = features.train()(truth)

    assert [m.shape for m in maps] == [
        (2, channels, SIDE // cell, SIDE // cell)
        for channels, cell in zip(CHANNELS, (4, 8, 16), strict=True)
    ]
    assert not features.training
    assert not any(one.requires_grad for one in features.parameters())


def test_a_blur_is_far_from_the_truth_only_where_it_is(features, truth, context):
    hole = context[:, :1]
    blurred = torch.nn.functional.avg_pool2d(truth, 5, stride=1, padding=2)
    inside = truth * (1 - hole) + blurred * hole
    above = truth.clone()
    above[:, :, : SIDE // 8] = blurred[:, :, : SIDE // 8]
    real = features(truth)

    assert float(feature_distance(real, real, hole)) == 0
    near = float(feature_distance(features(above), real, hole))
    assert float(feature_distance(features(inside), real, hole)) > 5 * near


@pytest.mark.parametrize("projected", [False, True])
def test_discriminators_learn_to_tell_painted_from_photographed(projected, truth, context):
    torch.manual_seed(0)
    adversaries = Adversaries(projected, "cpu")
    set_rate(adversaries, 0.002)
    flat = truth.mean(dim=(2, 3), keepdim=True).expand_as(truth)

    losses = [adversaries.loss(flat, truth, context, BOTH, 0.0)[1] for _ in range(25)]

    for name in BOTH:
        assert float(losses[-1][name]) < 0.7 * float(losses[0][name])


@pytest.mark.parametrize("projected", [False, True])
def test_what_is_painted_learns_from_each_discriminator(projected, truth, context):
    adversaries = Adversaries(projected, "cpu")
    for name in BOTH:
        painted = torch.zeros_like(truth, requires_grad=True)

        loss, losses = adversaries.loss(painted, truth, context, {name: 1.0}, 0.0)
        loss.backward()

        assert set(losses) == {name}
        assert painted.grad is not None
        assert painted.grad.abs().sum() > 0


def test_a_photograph_fools_discriminators_more_than_what_they_know_as_painted(truth, context):
    torch.manual_seed(0)
    adversaries = Adversaries(False, "cpu")
    flat = truth.mean(dim=(2, 3), keepdim=True).expand_as(truth)
    set_rate(adversaries, 0.002)
    for _ in range(15):
        adversaries.loss(flat, truth, context, BOTH, 0.0)
    set_rate(adversaries, 0.0)

    for name in BOTH:
        known, photo = (
            float(adversaries.loss(picture, truth, context, {name: 1.0}, 0.0)[0])
            for picture in (flat, truth)
        )
        assert photo < known - 0.5


def test_each_discriminator_has_its_weight(truth, context):
    torch.manual_seed(0)
    adversaries = Adversaries(False, "cpu")
    set_rate(adversaries, 0.0)

    for name in BOTH:
        one, three = (
            float(adversaries.loss(truth, truth, context, {name: weight}, 0.0)[0])
            for weight in (1.0, 3.0)
        )
        assert three == pytest.approx(3 * one, rel=0.1)  # spectral norms are still settling


def test_of_pixels_the_region_discriminator_sees_the_hole_alone(truth, context):
    adversaries = Adversaries(False, "cpu")
    painted = torch.zeros_like(truth, requires_grad=True)

    adversaries.loss(painted, truth, context, {REGION: 1.0}, 0.0)[0].backward()

    assert painted.grad is not None
    assert not painted.grad[:, :, : SIDE // 2].any()


def test_the_distance_has_its_weight(truth, context):
    adversaries = Adversaries(True, "cpu")
    painted = torch.zeros_like(truth)

    one, losses = adversaries.loss(painted, truth, context, {}, 1.0)
    three, _ = adversaries.loss(painted, truth, context, {}, 3.0)

    assert float(three) == pytest.approx(3 * float(one))
    assert float(one) == pytest.approx(float(losses["features"]))


def test_scores_count_as_much_as_their_cells():
    scores, cells = [torch.tensor([[0.5, -4.0]])], [torch.tensor([[1.0, 0.0]])]

    assert float(hinge_generator(scores, cells)) == pytest.approx(-0.5, abs=1e-2)
    assert float(hinge_discriminator(scores, scores, cells)) == pytest.approx(2.0, abs=1e-2)
