"""Faces that nobody labelled: they should not be taught as background.

In crowds and backgrounds, people draw boxes around some faces only. Of an earlier detector's
finds that touch no label, 50 of the 82 with a score of 0.4 or more were faces, 32 of the 38
with 0.45 or more (194 photos looked at).
"""

import dataclasses

import numpy as np

from models.crop.detect import Detector, box_iou, detect_faces, to_thumb
from models.training.crop.labels import Picture

_APART_IOU = 0.1


def find_unlabelled(detector: Detector, picture: Picture, least_score: float) -> Picture:
    """The picture with `others`: finds of `least_score` or more that touch none of its faces."""
    thumb = to_thumb(picture.decode())
    (finds,) = detect_faces(detector, [thumb.image], least_score)
    boxes = np.array([thumb.to_photo(find).box for find in finds], np.float32).reshape(-1, 4)
    apart = box_iou(boxes, picture.boxes).max(axis=1, initial=0) < _APART_IOU
    return dataclasses.replace(picture, others=boxes[apart])
