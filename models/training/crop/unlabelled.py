"""Faces that nobody labelled: they should not be taught as background.

In crowds and backgrounds, people draw boxes around only some of the faces. Of 640 finds of an
earlier detector that scored 0.33 or more and lie on no label of 656 photos, 220 were faces, 308
were not (fists, knees, wheels, balls, backs of heads), and 112 couldn't be told.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from models.crop.detect import box_iou, detect_faces, to_thumb
from models.crop.net import FaceDetector
from models.training.crop.labels import Picture
from models.training.crop.score import NEAR_IOU
from models.training.crop.verdicts import Verdict, is_face

_APART_IOU = 0.1


def find_unlabelled(
    detector: FaceDetector, picture: Picture, least_score: float, verdicts: Sequence[Verdict] = ()
) -> Picture:
    """The picture with `others`: finds of `least_score` or more that touch none of its faces.

    Args:
        detector: an earlier detector.
        picture: a scene; if there are verdicts, as `with_verdicts` returns it.
        least_score: lower finds are background.
        verdicts: finds that they decide are no longer in doubt.
    """
    thumb = to_thumb(picture.decode())
    (finds,) = detect_faces(detector, [thumb.image], least_score)
    boxes = np.array([thumb.to_photo(find).box for find in finds], np.float32).reshape(-1, 4)
    apart = box_iou(boxes, picture.boxes).max(axis=1, initial=0) < _APART_IOU
    doubtful = np.array([is_face(picture.name, box, verdicts) is None for box in boxes], bool)
    return dataclasses.replace(picture, others=boxes[apart & doubtful])


def with_verdicts(picture: Picture, verdicts: Sequence[Verdict]) -> Picture:
    """A copy of the picture with the faces that verdicts add, without points, and with `decoys`.

    Decoys were taken for faces but aren't any. Whether an added face wears a mask isn't known, so
    it counts as bare. A loose box of a known or already added face adds none.
    """
    own = [verdict for verdict in verdicts if verdict.photo == picture.name]
    boxes = picture.boxes
    for face in (np.array([v.box], np.float32) for v in own if v.face):
        if box_iou(face, boxes).max(initial=0) < NEAR_IOU:
            boxes = np.concatenate([boxes, face])
    added = len(boxes) - len(picture.boxes)
    decoys = np.array([v.box for v in own if not v.face], np.float32).reshape(-1, 4)
    return dataclasses.replace(
        picture,
        boxes=boxes,
        points=np.pad(picture.points, ((0, added), (0, 0), (0, 0))),
        trust=np.pad(picture.trust, ((0, added), (0, 0))),
        masked=(*picture.masked, *(False for _ in range(added))),
        decoys=decoys,
    )
