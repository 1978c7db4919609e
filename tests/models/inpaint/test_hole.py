import numpy as np
import pytest

from models.inpaint.hole import MARGIN_PX, REST_PX, hole_of

SKIN, CLOTH = (200, 160, 140), (60, 120, 200)
SIZE = 256


def masked_face(cloth_from, found_from):
    """A face of plain skin in cloth below one row, and a mask that was found below another."""
    face = np.full((SIZE, SIZE, 3), SKIN, np.uint8)
    face[cloth_from:220, 40:210] = CLOTH
    mask = np.zeros((SIZE, SIZE), bool)
    mask[found_from:220, 40:210] = True
    return face, mask


def test_beside_a_mask_that_was_found_exactly_the_skin_stays():
    face, mask = masked_face(130, 130)

    hole = hole_of(mask, face)

    assert hole[mask].all()
    assert hole[130 - MARGIN_PX :, 128].any()
    assert not hole[: 130 - MARGIN_PX - 2].any()


@pytest.mark.parametrize("missed_px", [4, 8])
def test_a_rim_that_was_missed_is_painted_too(missed_px):
    face, mask = masked_face(130 - missed_px, 130)

    hole = hole_of(mask, face)

    assert hole[130 - missed_px : 130, 60:190].all()


def test_a_strip_of_neck_between_mask_and_collar_stays():
    face, mask = masked_face(130, 130)
    face[mask] = (120, 140, 150)
    neck = slice(220, 232)
    face[neck] = np.array(SKIN) * 0.85  # in the mask's shadow
    face[neck.stop :] = 15

    hole = hole_of(mask, face)

    assert not hole[neck.start + MARGIN_PX + 2 : neck.stop].any()


def test_cloth_far_from_the_mask_is_not_taken_for_its_rim():
    face, mask = masked_face(130, 130)
    face[60:80] = CLOTH

    assert not hole_of(mask, face)[: 130 - REST_PX - 4].any()


def test_grain_on_the_skin_is_no_rim():
    face, mask = masked_face(130, 130)
    grain = np.random.default_rng(0).normal(0, 4, face.shape)
    noisy = np.clip(face + grain, 0, 255).astype(np.uint8)

    assert hole_of(mask, noisy).sum() <= 1.02 * hole_of(mask, face).sum()


def test_without_a_mask_there_is_no_hole():
    face, mask = masked_face(130, 130)

    assert not hole_of(np.zeros_like(mask), face).any()


def test_a_mask_that_leaves_the_picture_is_grown_inside_of_it():
    face, mask = masked_face(130, 130)
    mask[200:, :] = True

    assert hole_of(mask, face).shape == mask.shape
