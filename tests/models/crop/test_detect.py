import cv2
import numpy as np
import pytest
import torch

from models.crop.detect import (
    Face,
    Thumb,
    box_iou,
    detect_faces,
    faces_of,
    to_thumb,
)
from models.crop.net import Candidates, DetectorConfig, FaceDetector

TINY = DetectorConfig(width=0.1, coarsest=8, necks=(4, 4, 8, 8))


def candidates(*faces):
    """One photo's proposals, each (score, box)."""
    scores = torch.tensor([[score for score, _ in faces]])
    boxes = torch.tensor([[box for _, box in faces]], dtype=torch.float32)
    centres = (boxes[..., :2] + boxes[..., 2:]) / 2
    points = centres[:, :, None].expand(-1, -1, 5, -1)
    return Candidates(torch.logit(scores), boxes, points)


def photo(height, width):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize(("height", "width"), [(900, 1200), (1000, 500), (640, 640)])
def test_a_large_photo_is_scaled_to_its_long_side(height, width):
    thumb = to_thumb(photo(height, width), 320)

    scale = 320 / max(height, width)
    assert thumb.scale == (scale, scale)
    assert thumb.image.shape == (round(height * scale), round(width * scale), 3)


def test_a_thumb_is_where_averaging_all_px_would_put_it():
    # Odd sides, halved once: the content moves by a small part of a px at most.
    wide = cv2.GaussianBlur(photo(747, 1001), (0, 0), 20)

    thumb = to_thumb(wide, 320).image

    averaged = cv2.resize(wide, thumb.shape[1::-1], interpolation=cv2.INTER_AREA)
    step = np.abs(np.diff(averaged.astype(float), axis=1)).mean()
    assert np.abs(thumb.astype(float) - averaged).mean() < 0.25 * step + 0.5


@pytest.mark.parametrize("side", [1023, 2047, 1500])
def test_what_lies_at_the_end_of_a_photo_of_odd_size_goes_back_there(side):
    picture = np.zeros((side, side, 3), np.uint8)
    picture[-80:, -80:] = 255

    thumb = to_thumb(picture, 128)

    edge = (thumb.image[-1, :, 0] / 255).sum()  # how many px of the thumb are white
    start = Face(np.full(4, 127.5 - edge, np.float32), 0.9, np.zeros((5, 2), np.float32))
    assert thumb.to_photo(start).box == pytest.approx(side - 80.5, abs=1.1 / thumb.scale[0] / 4)


def test_a_small_photo_is_kept_pixel_for_pixel():
    small = photo(50, 80)

    thumb = to_thumb(small, 128)

    assert thumb.scale == (1.0, 1.0)
    np.testing.assert_array_equal(thumb.image, small)


def test_a_face_goes_back_to_where_it_is_in_the_photo():
    thumb = Thumb(np.zeros((64, 64, 3), np.uint8), scale=(0.25, 0.25))
    # The thumb's first pixel covers the photo's first four: centre 1.5.
    face = Face(np.zeros(4, np.float32), 0.9, np.zeros((5, 2), np.float32))

    back = thumb.to_photo(face)

    np.testing.assert_allclose(back.box, 1.5)
    np.testing.assert_allclose(back.points, 1.5)
    assert back.score == 0.9


def test_overlapping_proposals_become_one_face():
    (faces,) = faces_of(
        candidates((0.9, (0, 0, 40, 40)), (0.8, (2, 0, 42, 40)), (0.7, (10, 5, 44, 40))), 0.5
    )

    assert len(faces) == 1
    assert faces[0].score == pytest.approx(0.9)


def test_a_part_of_a_face_is_not_a_face_of_its_own():
    (faces,) = faces_of(candidates((0.9, (0, 0, 100, 100)), (0.6, (20, 20, 60, 60))), 0.5)

    assert len(faces) == 1


def test_proposals_that_agree_are_averaged():
    (faces,) = faces_of(candidates((0.8, (0, 0, 40, 40)), (0.8, (2, 0, 42, 40))), 0.5)

    np.testing.assert_allclose(faces[0].box, (1, 0, 41, 40), atol=1e-4)


def test_faces_apart_are_all_kept_best_first():
    (faces,) = faces_of(candidates((0.6, (0, 0, 20, 20)), (0.9, (50, 50, 80, 80))), 0.5)

    assert [face.score for face in faces] == pytest.approx([0.9, 0.6])


def test_faces_below_the_least_score_are_left_out():
    (faces,) = faces_of(candidates((0.49, (0, 0, 20, 20))), 0.5)

    assert faces == []


def test_overlap_of_boxes_is_intersection_over_union():
    boxes = np.array([[0, 0, 10, 10], [20, 20, 30, 30]], np.float32)

    overlap = box_iou(boxes, np.array([[5, 0, 15, 10]], np.float32))

    np.testing.assert_allclose(overlap, [[1 / 3], [0]], rtol=1e-6)


def test_a_photo_gets_the_same_faces_alone_and_in_a_batch():
    torch.manual_seed(0)
    detector = FaceDetector(TINY).eval()
    thumbs = [photo(64, 64), photo(64, 64)[::-1]]

    together = detect_faces(detector, thumbs, min_score=0.0)
    alone = [detect_faces(detector, [thumb], min_score=0.0)[0] for thumb in thumbs]

    for batched, single in zip(together, alone, strict=True):
        assert len(batched) == len(single) > 0
        np.testing.assert_allclose(batched[0].points, single[0].points, atol=1e-3)


def test_thumbs_of_several_sizes_share_a_batch():
    detector = FaceDetector(TINY).eval()

    found = detect_faces(detector, [photo(64, 100), photo(128, 64)], min_score=0.0)

    assert [len(faces) > 0 for faces in found] == [True, True]


def test_a_photo_that_no_stride_divides_is_seen_as_if_grey_lay_beside_it():
    detector = FaceDetector(TINY).eval()
    padded = np.full((128, 128, 3), 114, np.uint8)
    padded[:100, :90] = photo(100, 90)

    (found,), (expected,) = (
        detect_faces(detector, [picture], min_score=0.0) for picture in (photo(100, 90), padded)
    )

    assert [face.box.tolist() for face in found] == [face.box.tolist() for face in expected]
    assert found


def test_no_photos_give_no_answers():
    assert detect_faces(FaceDetector(TINY).eval(), []) == []


def test_a_find_of_under_half_the_best_score_is_left_out():
    found = candidates((0.8, (0, 0, 40, 40)), (0.42, (60, 0, 99, 40)), (0.38, (0, 60, 40, 99)))

    (faces,) = faces_of(found, 0.2)

    assert [round(face.score, 2) for face in faces] == [0.8, 0.42]
