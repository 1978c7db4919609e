from pathlib import Path

import cv2
import numpy as np
import torch

from models.crop.net import Candidates
from models.training.crop.labels import Picture
from models.training.crop.unlabelled import find_unlabelled, with_verdicts
from models.training.crop.verdicts import Verdict

LABELLED, ELSEWHERE, FAINT = (10, 10, 50, 50), (100, 20, 140, 60), (20, 100, 60, 140)


class Finder(torch.nn.Module):
    """Finds the same three boxes in every photo, the last one only faintly."""

    def __init__(self):
        super().__init__()
        boxes = torch.tensor([[LABELLED, ELSEWHERE, FAINT]], dtype=torch.float32)
        self.boxes = torch.nn.Parameter(boxes)

    def forward(self, _):
        logits = torch.logit(torch.tensor([[0.9, 0.8, 0.42]]))
        return Candidates(logits, self.boxes, torch.zeros(1, 3, 5, 2))


def photo():
    data = cv2.imencode(".png", np.zeros((160, 160, 3), np.uint8))[1].tobytes()
    boxes, points = np.array([LABELLED], np.float32), np.zeros((1, 5, 2), np.float32)
    return Picture("p", Path("p.png"), data, boxes, points, np.zeros((1, 5), np.float32))


def test_sure_finds_that_touch_no_label_are_noted():
    found = find_unlabelled(Finder(), photo(), least_score=0.5)

    np.testing.assert_allclose(found.others, [ELSEWHERE], atol=1e-3)


def test_the_labels_stay_as_they_are():
    found = find_unlabelled(Finder(), photo(), least_score=0.5)

    np.testing.assert_array_equal(found.boxes, [LABELLED])


def test_finds_with_a_verdict_are_no_longer_in_doubt():
    verdicts = [Verdict("p", ELSEWHERE, face=False)]

    found = find_unlabelled(Finder(), photo(), 0.5, verdicts)

    assert found.others.shape == (0, 4)


def test_verdicts_add_faces_without_points_and_tell_what_is_none():
    elsewhere = Verdict("another photo", LABELLED, face=True)
    verdicts = [Verdict("p", ELSEWHERE, face=True), Verdict("p", FAINT, face=False), elsewhere]

    judged = with_verdicts(photo(), verdicts)

    np.testing.assert_array_equal(judged.boxes, [LABELLED, ELSEWHERE])
    np.testing.assert_array_equal(judged.decoys, [FAINT])
    assert judged.points.shape == (2, 5, 2)
    assert not judged.trust[1].any()


def test_a_verdict_on_a_loose_box_of_a_known_face_adds_none():
    loose = (10, 10, 74, 74)  # IoU 0.39 with the label
    shifted = (110, 20, 150, 60)  # IoU 0.6 with the face that the first verdict adds
    beside = (130, 20, 170, 60)  # IoU 0.14 with it
    boxes = (loose, ELSEWHERE, shifted, beside)

    judged = with_verdicts(photo(), [Verdict("p", box, face=True) for box in boxes])

    np.testing.assert_array_equal(judged.boxes, [LABELLED, ELSEWHERE, beside])
    assert judged.points.shape == (3, 5, 2)
    assert len(judged.masked) == 2


def test_without_verdicts_the_picture_stays_as_it_is():
    judged = with_verdicts(photo(), [])

    np.testing.assert_array_equal(judged.boxes, [LABELLED])
    assert judged.decoys.shape == (0, 4)
