import numpy as np
import pytest

from models.crop.neighbours import masks_beside, share_out

SIDE = 256


def frame(x, scale=1.0):
    """The frame of an upright face: begins at column x of the photo, mouth in row 150."""
    return np.array([[scale, 0, -scale * x], [0, scale, 150 * (1 - scale)]], np.float32)


def hole(*columns):
    """A mask over these columns of the frame, from the nose down."""
    mask = np.zeros((SIDE, SIDE), bool)
    for first, last in columns:
        mask[120:200, first:last] = True
    return mask


def test_what_both_claim_goes_to_the_nearer_face():
    # The left face's mask is at columns 60 to 196 of the photo, the right one's at 210 to 346.
    left, right = hole((60, 196), (210, 256)), hole((0, 46), (60, 196))

    holes = share_out([left, right], [frame(0), frame(150)])

    np.testing.assert_array_equal(holes[0], hole((60, 196)))
    np.testing.assert_array_equal(holes[1], hole((60, 196)))


def test_a_mask_in_one_piece_is_not_split_by_a_neighbour_who_sees_its_end():
    # The left mask reaches closer to the right face's mouth than to its own.
    left, right = hole((60, 240)), hole((0, 90), (110, 220))

    holes = share_out([left, right], [frame(0), frame(150)])

    np.testing.assert_array_equal(holes[0], left)
    np.testing.assert_array_equal(holes[1], hole((110, 220)))


def test_what_only_one_claims_stays_with_it_though_it_is_far():
    strap = hole((60, 196), (230, 256))

    holes = share_out([strap, hole((110, 190))], [frame(0), frame(150)])

    np.testing.assert_array_equal(holes[0], strap)


def test_nearness_goes_by_the_size_of_the_face():
    # Middles at columns 128 and 204 of the photo; the second face is half as large.
    large, small = hole((60, 200)), hole((20, 236))

    holes = share_out([large, small], [frame(0), frame(140, scale=2.0)])

    # 51 px from one mouth and 25 px from the other: the same distance in each face's frame.
    assert np.flatnonzero(holes[0][150]).max() == pytest.approx(178.7, abs=1)
    assert np.flatnonzero(holes[1][150]).min() / 2 + 140 == pytest.approx(178.7, abs=1)


@pytest.mark.parametrize("count", [0, 1])
def test_a_face_alone_keeps_all(count):
    holes = [hole((0, 256))] * count

    assert all(
        (a == b).all() for a, b in zip(share_out(holes, [frame(0)] * count), holes, strict=True)
    )


def test_a_bare_neighbour_claims_nothing():
    masked, bare = hole((60, 256)), np.zeros((SIDE, SIDE), bool)

    holes = share_out([masked, bare], [frame(0), frame(150)])

    np.testing.assert_array_equal(holes[0], masked)
    assert not holes[1].any()


def test_what_is_nearer_to_a_face_that_is_not_painted_is_left_out():
    holes = share_out([hole((60, 256))], [frame(0)], [frame(150)])

    assert np.flatnonzero(holes[0][150]).tolist() == list(range(60, 204))  # mouths at 128 and 278


def test_a_face_that_is_not_painted_and_far_away_changes_nothing():
    holes = share_out([hole((60, 256))], [frame(0)], [frame(400)])

    np.testing.assert_array_equal(holes[0], hole((60, 256)))


@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_masks_that_touch_are_beside_each_other(scale):
    right = frame(190, scale=scale)

    left_sees, right_sees = masks_beside([hole((60, 200)), hole((0, 90))], [frame(0), right])

    assert left_sees[150].any()
    assert right_sees is not None
    assert not (left_sees & hole((60, 200))).any()


def test_what_is_beside_a_mask_is_the_others_and_no_more():
    left, right = hole((60, 200)), hole((10, 90))

    left_sees, right_sees = masks_beside([left, right], [frame(0), frame(190)])

    np.testing.assert_array_equal(left_sees, hole((200, 256)))
    np.testing.assert_array_equal(right_sees, hole((0, 10)))


@pytest.mark.parametrize(("gap_px", "touch"), [(2, True), (3, False)])
def test_masks_touch_over_a_gap_of_two_px_and_share_it(gap_px, touch):
    left, right = hole((60, 200)), hole((10 + gap_px, 90))

    left_sees, right_sees = masks_beside([left, right], [frame(0), frame(190)])

    if touch:
        np.testing.assert_array_equal(left_sees, hole((200, 256)))
        np.testing.assert_array_equal(right_sees, hole((0, 10 + gap_px)))
    else:
        assert (left_sees, right_sees) == (None, None)


def test_masks_that_do_not_touch_are_not_beside_each_other():
    holes = [hole((60, 150)), hole((60, 150))]

    assert masks_beside(holes, [frame(0), frame(120)]) == [None, None]
