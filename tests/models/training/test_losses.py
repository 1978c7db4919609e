import pytest
import torch

from models.training.losses import (
    dice_loss,
    landmark_error,
    reconstruction,
    ssim_map,
)


def test_equal_pictures_have_ssim_one():
    picture = torch.rand(1, 3, 32, 32) * 2 - 1

    torch.testing.assert_close(ssim_map(picture, picture), torch.ones(1, 1, 26, 26))


def test_noise_lowers_ssim():
    picture = torch.rand(1, 3, 32, 32) * 2 - 1

    assert ssim_map(picture, picture + 0.5 * torch.randn_like(picture)).mean() < 0.9


def test_reconstruction_ignores_what_lies_outside_of_the_hole():
    truth, hole = torch.rand(1, 3, 64, 64) * 2 - 1, torch.zeros(1, 1, 64, 64)
    hole[..., 32:, 32:] = 1
    painted = truth.clone()
    painted[..., :8, :8] = 0

    l1, structure = reconstruction(painted, truth, hole)

    assert l1 == 0
    assert structure.item() == pytest.approx(0, abs=1e-6)


def test_l1_is_the_mean_difference_inside_the_hole():
    truth, hole = torch.zeros(1, 3, 64, 64), torch.zeros(1, 1, 64, 64)
    hole[..., 32:, :] = 1

    l1, _ = reconstruction(truth + 0.25 * hole, truth, hole)

    assert l1.item() == pytest.approx(0.25, rel=1e-3)


def test_dice_is_zero_for_a_sure_and_right_answer():
    target = torch.zeros(2, 1, 8, 8)
    target[..., 4:] = 1

    assert dice_loss(40 * target - 20, target).max() < 0.02
    assert dice_loss(20 - 40 * target, target).min() > 0.9


def test_landmark_error_is_in_eye_distances():
    truth = torch.zeros(1, 68, 2)
    truth[:, 42:48, 0] = 80
    found = truth + torch.tensor([0.0, 8.0])

    torch.testing.assert_close(
        landmark_error(found, truth), torch.full((1, 68), 0.1), atol=1e-4, rtol=0
    )
