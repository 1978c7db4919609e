import numpy as np
import pytest
import torch
from torch import nn

from models.training.frames import STORE_PX, Faces
from models.training.mask.real_masks import OPEN, label_mask, label_masks

SKIN, CLOTH = (200, 160, 140), (60, 120, 200)
TOP, BOTTOM, LEFT, RIGHT = 150, 250, 70, 220


class BlueFinder(nn.Module):
    """Takes blue for covered, and `extra` px above it."""

    def __init__(self, extra=0):
        super().__init__()
        self.extra = extra

    def forward(self, face):
        blue = (face[:, 2:] > face[:, :1]).float()
        reach = 2 * self.extra + 1
        grown = nn.functional.max_pool2d(blue, (reach, 1), 1, (self.extra, 0))
        return 20 * grown - 10, torch.zeros(len(face))


class Undecided(nn.Module):
    """Sees a mask in the left half of any picture."""

    def forward(self, face):
        logits = torch.full_like(face[:, :1], -10)
        logits[..., : face.shape[-1] // 2] = 10
        return logits, torch.zeros(len(face))


@pytest.fixture
def masked():
    face = np.full((STORE_PX, STORE_PX, 3), SKIN, np.uint8)
    face[TOP:BOTTOM, LEFT:RIGHT] = CLOTH
    grain = np.random.default_rng(0).normal(0, 3, face.shape)
    return np.clip(face + grain, 0, 255).astype(np.uint8)


def test_a_mask_on_which_net_and_colours_agree_is_labelled(masked):
    labels = label_mask(BlueFinder(), masked)

    assert (labels[TOP + 4 : BOTTOM - 4, LEFT + 4 : RIGHT - 4] == 1).all()
    assert (labels[: TOP - 10] == 0).all()


def test_where_the_net_goes_beyond_the_colours_pixels_stay_open(masked):
    labels = label_mask(BlueFinder(extra=6), masked)

    assert (labels[TOP - 4 : TOP - 1, LEFT + 20 : RIGHT - 20] == OPEN).mean() > 0.9


def test_a_face_whose_views_disagree_gets_no_labels(masked):
    assert label_mask(Undecided(), masked) is None


def test_labels_are_kept_for_the_next_call(masked, tmp_path):
    faces = Faces(masked[None], np.zeros((1, 68, 2), np.float32), np.array(["real"]), np.arange(1))

    first = label_masks(BlueFinder(), faces, tmp_path / "labels.npz")
    second = label_masks(Undecided(), faces, tmp_path / "labels.npz")

    np.testing.assert_array_equal(first, second)
