import numpy as np
import pytest

from models.inpaint.hole import MARGIN_PX, REST_PX, hole_of

SKIN, CLOTH = (200, 160, 140), (60, 120, 200)
SIZE = 256


def masked_face(cloth_from, found_from):
    """A plain face, cloth below row `cloth_from`, and a mask found below row `found_from`."""
    face = np.full((SIZE, SIZE, 3), SKIN, np.uint8)
    face[cloth_from:220, 40:210] = CLOTH
    mask = np.zeros((SIZE, SIZE), bool)
    mask[found_from:220, 40:210] = True
    return face, mask


def test_beside_a_mask_that_was_found_exactly_the_skin_stays():
    face, mask = masked_face(130, 130)

    hole = hole_of(mask, face)

    assert hole[mask].all()
    assert hole[130 - MARGIN_PX : 130, 128].all()
    assert not hole[: 130 - MARGIN_PX - 2].any()


@pytest.mark.parametrize("missed_px", [4, 8])
def test_a_rim_that_was_missed_is_painted_too(missed_px):
    face, mask = masked_face(130 - missed_px, 130)

    hole = hole_of(mask, face)

    assert hole[130 - missed_px : 130, 60:190].all()


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_rim_is_found_on_each_side_alike(turns):
    face, mask = masked_face(126, 130)
    turned = np.rot90(mask, turns).copy(), np.rot90(face, turns).copy()

    hole = np.rot90(hole_of(*turned), -turns)

    assert hole[126:130, 60:190].all()
    assert abs(int(hole.sum()) - int(hole_of(mask, face).sum())) < 0.02 * hole.sum()


def test_a_strip_of_neck_between_mask_and_collar_stays():
    face, mask = masked_face(130, 130)
    face[mask] = (145, 145, 150)
    neck = slice(220, 228)
    face[neck] = np.array(SKIN) * 0.8  # in the mask's shadow
    face[neck.stop :] = 10

    hole = hole_of(mask, face)

    assert not hole[neck.start + MARGIN_PX : neck.stop, 60:190].any()


def test_cloth_far_from_the_mask_is_not_taken_for_its_rim():
    face, mask = masked_face(130, 130)
    face[60:80] = CLOTH

    assert not hole_of(mask, face)[: 130 - REST_PX - 4].any()


def with_print(rows, columns, colour):
    """The hole beside a print cut by the mask's upper edge, row 130; narrow enough for grain."""
    face, mask = masked_face(130, 130)
    face[rows, columns] = colour
    return hole_of(mask, face)


@pytest.mark.parametrize("colour", [(240, 120, 20), (190, 20, 100)])
def test_a_print_that_the_upper_edge_cuts_through_is_painted_too(colour):
    rows, columns = slice(122, 130), slice(128, 130)

    assert with_print(rows, columns, colour)[rows, columns].all()


def test_a_flush_above_the_mask_stays():
    rows, columns = slice(118, 130), slice(120, 140)

    hole = with_print(rows, columns, (210, 150, 130))

    assert not hole[: 130 - MARGIN_PX - 2].any()


def test_what_is_colourful_at_the_side_or_below_the_mask_stays():
    above, below = slice(118, 130), slice(220, 232)

    earring = with_print(above, slice(208, 210), (240, 120, 20))
    collar = with_print(below, slice(128, 130), (240, 120, 20))

    assert not earring[: 130 - MARGIN_PX - 2].any()
    assert not collar[below.start + MARGIN_PX + 2 :].any()


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

    hole = hole_of(mask, face)

    assert hole.shape == mask.shape
    assert hole[200 - MARGIN_PX :, :20].all()
    assert not hole[: 200 - MARGIN_PX - REST_PX - 1, :20].any()
