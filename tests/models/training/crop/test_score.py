import json

import cv2
import numpy as np
import pytest
import torch

from models.crop.detect import Detector
from models.crop.net import Candidates
from models.training.crop.score import match_boxes, score_scenes


class Oracle(torch.nn.Module):
    """Finds the same boxes in every photo."""

    def __init__(self, *boxes):
        super().__init__()
        self.boxes = torch.tensor([boxes], dtype=torch.float32)

    def forward(self, _):
        count = self.boxes.shape[1]
        logits = torch.full((1, count), 3.0)
        return Candidates(logits, self.boxes, torch.zeros(1, count, 5, 2))


@pytest.fixture
def scenes(tmp_path):
    boxes = {"a": [[0, 0, 100, 100]], "b": [[0, 0, 100, 100], [200, 200, 210, 210]]}
    for name in boxes:
        cv2.imwrite(str(tmp_path / f"{name}.webp"), np.zeros((240, 320, 3), np.uint8))
    labelled = {n: [{"label": "with_mask", "box": b} for b in all_] for n, all_ in boxes.items()}
    (tmp_path / "boxes.json").write_text(json.dumps(labelled))
    return tmp_path


def test_a_box_finds_one_face_only():
    truth = np.array([[0, 0, 10, 10], [0, 1, 10, 11]], np.float32)

    overlaps = match_boxes(np.array([[0, 0, 10, 10]], np.float32), truth)

    np.testing.assert_allclose(overlaps, [1, 0])


def test_a_box_that_overlaps_by_less_than_half_finds_nothing():
    truth = np.array([[0, 0, 10, 10]], np.float32)

    assert match_boxes(np.array([[0, 6, 10, 16]], np.float32), truth).tolist() == [0]


def test_found_faces_count_as_recall(scenes):
    score = score_scenes(Detector(Oracle((0, 0, 90, 100)), "cpu"), scenes)

    assert (score.photos, score.faces, score.recall) == (2, 2, 1.0)
    assert score.mean_iou == pytest.approx(0.9)
    assert score.false_positives == 0


def test_small_faces_are_reported_but_not_in_the_recall(scenes):
    score = score_scenes(Detector(Oracle((0, 0, 100, 100)), "cpu"), scenes)

    assert score.recall == 1.0
    assert score.recall_by_size["0-16"] == (0.0, 1)


def test_boxes_where_no_face_is_are_false_positives(scenes):
    detector = Detector(Oracle((0, 0, 100, 100), (120, 0, 220, 100)), "cpu")

    assert score_scenes(detector, scenes).false_positives == 1.0


def test_only_the_named_pictures_are_scored(scenes):
    score = score_scenes(Detector(Oracle((0, 0, 9, 9)), "cpu"), scenes, lambda name: name == "a")

    assert (score.photos, score.recall) == (1, 0.0)


def test_no_picture_left_is_an_error(scenes):
    with pytest.raises(ValueError, match=r"boxes\.json"):
        score_scenes(Detector(Oracle((0, 0, 9, 9)), "cpu"), scenes, lambda _: False)
