import numpy as np
import pytest

from models.crop.frame import show_more_below
from models.mask.drawn import cut_drawn, open_drawn

SIDE = 4096


def frame(face_px):
    """The frame of an upright face in the photo's upper left corner, `face_px` wide."""
    scale = 256 / face_px
    return np.array([[scale, 0, 0], [0, scale, 0]], np.float32)


def cut(drawn, affine):
    return cut_drawn(open_drawn(drawn, np.zeros((SIDE, SIDE, 3), np.uint8)), affine, affine)


@pytest.mark.parametrize("stroke", [1, 2, 4, 8])
@pytest.mark.parametrize("face_px", [128, 256, 700, 2048])
def test_a_stroke_is_kept_however_large_the_face_is(stroke, face_px):
    drawn = np.zeros((SIDE, SIDE), bool)
    drawn[face_px // 2 : face_px // 2 + stroke, :face_px] = True

    finding = cut(drawn, frame(face_px))

    assert finding.probability == 1.0
    assert finding.mask[:, 8:248].any(axis=0).all()


@pytest.mark.parametrize("face_px", [128, 256, 700, 2048])
def test_a_cut_reaches_no_more_than_one_px_beyond_what_was_drawn(face_px):
    drawn = np.zeros((SIDE, SIDE), bool)
    drawn[face_px // 4 : face_px // 2, face_px // 4 : face_px // 2] = True

    mask = cut(drawn, frame(face_px)).mask

    assert mask[64:128, 64:128].all()
    mask[63:129, 63:129] = False
    assert not mask.any()


def test_a_face_beside_what_was_drawn_wears_nothing():
    drawn = np.zeros((SIDE, SIDE), bool)
    drawn[2000:2100, 2000:2100] = True

    assert cut(drawn, frame(700)).probability == 0.0


@pytest.mark.parametrize(
    ("first", "last", "probability"),
    [
        (95, 256, 1.0),  # a large mask, up to the eyes
        (80, 256, 0.0),  # over the eyes
        (0, 256, 0.0),
    ],
)
def test_a_mask_that_hides_nearly_all_of_a_face_does_not_count(first, last, probability):
    drawn = np.zeros((SIDE, SIDE), bool)
    drawn[first:last, :400] = True

    finding = cut(drawn, frame(256))

    assert finding.probability == probability
    assert finding.mask.any()


def test_a_large_mask_still_counts_in_a_frame_that_shows_more_below():
    drawn = np.zeros((SIDE, SIDE), bool)
    drawn[95:300, :256] = True
    white = open_drawn(drawn, np.zeros((SIDE, SIDE, 3), np.uint8))

    finding = cut_drawn(white, show_more_below(frame(256)), frame(256))

    assert finding.probability == 1.0


def test_a_veil_may_leave_no_more_than_the_eyes_and_brows():
    drawn = np.ones((SIDE, SIDE), bool)
    drawn[66:106] = False

    assert cut(drawn, frame(256)).probability == 1.0
