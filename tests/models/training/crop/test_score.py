import json

import cv2
import numpy as np
import pytest
import torch

from models.crop.net import Candidates
from models.training.crop.score import LOWEST_SCORE, StrayBox, match_boxes, quiet_threshold
from models.training.crop.score import score_scenes as score
from models.training.crop.verdicts import Verdict

ELSEWHERE = (120, 0, 220, 100)


class Oracle(torch.nn.Module):
    """Finds the same boxes in every photo."""

    def __init__(self, *boxes, scores=None):
        super().__init__()
        self.boxes = torch.nn.Parameter(torch.tensor([boxes], dtype=torch.float32))
        self.logits = torch.logit(torch.tensor([scores or [0.95] * len(boxes)]))

    def forward(self, _):
        return Candidates(self.logits, self.boxes, torch.zeros(1, len(self.boxes[0]), 5, 2))


@pytest.fixture
def scenes(tmp_path):
    """Photo a: a masked face of 100 px. Photo b: a bare one, and a masked one of 10 px."""
    boxes = {"a": [[0, 0, 100, 100]], "b": [[0, 0, 100, 100], [200, 200, 210, 210]]}
    labels = {"a": ["with_mask"], "b": ["without_mask", "with_incorrect_mask"]}
    for name in boxes:
        cv2.imwrite(str(tmp_path / f"{name}.webp"), np.zeros((240, 320, 3), np.uint8))
    labelled = {
        name: [{"label": k, "box": b} for k, b in zip(labels[name], own, strict=True)]
        for name, own in boxes.items()
    }
    (tmp_path / "boxes.json").write_text(json.dumps(labelled))
    return tmp_path


def test_a_box_finds_one_face_only():
    truth = np.array([[0, 0, 10, 10], [0, 1, 10, 11]], np.float32)

    assert match_boxes(np.array([[0, 0, 10, 10]], np.float32), truth).tolist() == [0]


def test_a_face_is_found_by_one_box_only():
    found = np.array([[0, 0, 10, 10], [0, 1, 10, 11]], np.float32)

    assert match_boxes(found, np.array([[0, 0, 10, 10]], np.float32)).tolist() == [0, -1]


def test_a_box_that_overlaps_by_less_than_half_finds_nothing():
    truth = np.array([[0, 0, 10, 10]], np.float32)

    assert match_boxes(np.array([[0, 6, 10, 16]], np.float32), truth).tolist() == [-1]


def test_masked_faces_are_counted_apart(scenes):
    scored = score(Oracle((0, 0, 90, 100)), scenes)

    assert (scored.photos, scored.masked_faces, scored.faces) == (2, 1, 2)
    assert scored.quiet.masked.value == scored.quiet.every.value == 1
    assert scored.mean_iou == pytest.approx(0.9)
    assert scored.strays == []


def test_each_photo_with_masked_faces_says_how_many_were_found(scenes):
    assert score(Oracle((0, 0, 90, 100)), scenes).masked_by_photo == {"a": (1, 1)}
    assert score(Oracle(ELSEWHERE), scenes).masked_by_photo == {"a": (0, 1)}


def test_small_faces_are_reported_but_not_in_the_recall(scenes):
    scored = score(Oracle((0, 0, 100, 100)), scenes)

    assert scored.quiet.every.value == 1
    assert (scored.by_size["0-16"].every, scored.by_size["0-16"].masked_faces) == (0, 1)


def test_the_interval_comes_from_resampled_photos(scenes):
    scored = score(Oracle((0, 0, 9, 9), (200, 200, 210, 210)), scenes)

    assert scored.quiet.masked.value == 0
    every = score(Oracle((0, 0, 100, 100)), scenes).quiet.every
    assert (every.low, every.high) == (1, 1)


def test_the_threshold_leaves_at_most_a_tenth_of_a_false_box_a_photo(scenes):
    detector = Oracle((0, 0, 100, 100), ELSEWHERE, scores=[0.9, 0.6])

    scored = score(detector, scenes)

    assert scored.quiet.threshold > 0.6
    assert (scored.quiet.false_boxes, scored.quiet.masked.value) == (0, 1)
    assert scored.served.false_boxes == 1


def test_faces_below_the_threshold_are_missed(scenes):
    scored = score(Oracle((0, 0, 100, 100), ELSEWHERE, scores=[0.6, 0.9]), scenes)

    assert scored.quiet.masked.value == 0
    assert (len(scored.missed), scored.faint, scored.nearly) == (1, 1, 0)
    assert scored.served.masked.value == 1


def test_of_missed_masked_faces_photo_and_box_are_kept(scenes):
    (missed,) = score(Oracle(ELSEWHERE), scenes).missed

    assert (missed.photo, missed.box) == ("a", (0, 0, 100, 100))


def test_missed_faces_are_listed_worst_first(scenes):
    boxes = [[0, 0, 100, 100], [110, 0, 150, 40], [110, 60, 190, 140]]
    labelled = {"a": [{"label": "with_mask", "box": box} for box in boxes]}
    (scenes / "boxes.json").write_text(json.dumps(labelled))

    faint = Oracle((0, 0, 100, 100), (200, 100, 290, 190), scores=[0.6, 0.9])
    missed = score(faint, scenes).missed

    assert [face.box for face in missed] == [tuple(boxes[index]) for index in (2, 1, 0)]


def test_boxes_that_somebody_took_for_faces_are_counted_apart(scenes):
    verdicts = [Verdict(name, (125, 0, 225, 100), face=True) for name in "ab"]

    scored = score(Oracle((0, 0, 100, 100), ELSEWHERE, scores=[0.6, 0.9]), scenes, None, verdicts)

    assert scored.quiet.threshold == LOWEST_SCORE
    assert (scored.quiet.false_boxes, scored.quiet.unlabelled_faces) == (0, 1)
    assert scored.quiet.masked.value == 1


def test_a_loose_box_is_false_even_if_it_shows_a_face(scenes):
    verdicts = [Verdict(name, (0, 0, 60, 70), face=True) for name in "ab"]

    scored = score(Oracle((0, 0, 60, 70)), scenes, None, verdicts)

    assert scored.served.false_boxes == scored.served.loose_boxes == 1
    assert scored.lenient.threshold == LOWEST_SCORE
    assert (len(scored.missed), scored.nearly) == (1, 1)


def test_a_second_box_on_a_face_is_loose_however_well_it_fits(scenes):
    scored = score(Oracle((0, 0, 100, 55), (0, 45, 100, 100)), scenes)

    assert [stray.iou for stray in scored.strays] == pytest.approx([0.55, 0.55])
    assert scored.served.loose_boxes == 1


def test_strays_are_listed_best_first(scenes):
    scored = score(Oracle((0, 0, 100, 100), ELSEWHERE, (230, 0, 260, 30)), scenes)

    assert [stray.photo for stray in scored.strays] == ["a", "a", "b", "b"]
    assert scored.strays[0].box == ELSEWHERE
    assert scored.strays[0].face is None


def test_the_quiet_threshold_lies_just_above_the_first_box_too_many():
    strays = [StrayBox("a", ELSEWHERE, value, 0.0, None) for value in (0.9, 0.7, 0.5)]

    assert quiet_threshold(strays, photos=20) == pytest.approx(0.5)
    assert quiet_threshold(strays, photos=20) > 0.5
    assert quiet_threshold(strays, photos=30) == LOWEST_SCORE


def test_only_the_named_pictures_are_scored(scenes):
    scored = score(Oracle((0, 0, 9, 9)), scenes, lambda name: name == "a")

    assert (scored.photos, scored.quiet.masked.value) == (1, 0)


def test_no_picture_left_is_an_error(scenes):
    with pytest.raises(ValueError, match=r"boxes\.json"):
        score(Oracle((0, 0, 9, 9)), scenes, lambda _: False)
