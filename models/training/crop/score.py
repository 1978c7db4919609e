"""Scores the detector on photos with hand-drawn boxes."""

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.crop.detect import MIN_SCORE, Boxes, box_iou, detect_faces, to_thumb
from models.crop.net import FaceDetector
from models.training.crop.labels import Picture, read_scenes
from models.training.crop.verdicts import Verdict, is_face
from models.training.statistics import Estimate, estimate_share

MATCH_IOU = 0.5
NEAR_IOU = 0.3  # IoU from which a box is on the face, even if loosely drawn
SMALLEST_PX = 32.0  # smaller faces don't count in the recall
MOST_FALSE = 0.1  # boxes per photo
LOWEST_SCORE = 0.2  # boxes with less are neither counted nor shown
_SIZES = (0.0, 16.0, 32.0, 48.0, 96.0, 192.0, float("inf"))


@dataclass(frozen=True)
class LabelledFace:
    """One face that somebody drew a box around."""

    photo: str
    box: tuple[float, float, float, float]  # px of the photo
    side_px: float  # root of the box's area, px of the photo
    masked: bool  # wears a mask, well or badly
    score: float  # of the box that found it; 0 where none did
    iou: float  # with that box, or else with the nearest


@dataclass(frozen=True)
class StrayBox:
    """A found box that belongs to no labelled face."""

    photo: str
    box: tuple[float, float, float, float]  # px of the photo
    score: float
    iou: float  # with the nearest labelled face
    face: bool | None  # a person's verdict; None: nobody looked

    @property
    def loose(self) -> bool:
        """Whether it is on a labelled face, but loosely drawn or a second box of it."""
        return self.iou >= NEAR_IOU

    @property
    def wrong(self) -> bool:
        """Whether it counts as false: all except faces that nobody labelled."""
        return self.loose or not self.face


@dataclass(frozen=True)
class PhotoScore:
    """What was found in one photo."""

    faces: list[LabelledFace]
    strays: list[StrayBox]


@dataclass(frozen=True)
class Operation:
    """The detector at one threshold."""

    threshold: float
    false_boxes: float  # per photo; boxes that nobody looked at count
    loose_boxes: float  # per photo, among these: see `StrayBox.loose`
    unlabelled_faces: float  # per photo: faces by a person's verdict, but unlabelled
    masked: Estimate | None  # recall of masked faces of SMALLEST_PX or more
    every: Estimate | None  # recall of all faces of that size


@dataclass(frozen=True)
class SizeRecall:
    """Recall of the faces of one size."""

    masked: float
    masked_faces: int
    every: float
    faces: int


@dataclass(frozen=True)
class SceneScore:
    """How well the faces of some photos were found."""

    photos: int
    masked_faces: int  # at least SMALLEST_PX large
    faces: int
    quiet: Operation  # at the lowest threshold with at most MOST_FALSE false boxes per photo
    lenient: Operation  # the same where loose boxes don't count as false
    served: Operation  # at the service's threshold
    by_size: dict[str, SizeRecall]  # side in px -> recall at the quiet threshold
    missed: list[LabelledFace]  # masked, SMALLEST_PX or more, at that threshold; worst first
    faint: int  # of these: found, but with a lower score
    nearly: int  # of these: the best box overlaps by only NEAR_IOU to MATCH_IOU
    mean_iou: float  # of all faces found at the quiet threshold
    strays: list[StrayBox]  # all of LOWEST_SCORE or more, best first
    # Photo -> masked faces of SMALLEST_PX or more: those found at the quiet threshold, and all.
    masked_by_photo: dict[str, tuple[int, int]]


def score_scenes(
    detector: FaceDetector,
    source: Path,
    names: Callable[[str], bool] | None = None,
    verdicts: Sequence[Verdict] = (),
    progress: Callable[[Sequence[Picture]], Iterable[Picture]] = iter,
) -> SceneScore:
    """Runs the detector on photos and compares its boxes with theirs.

    Args:
        detector: from `load_detector`.
        source: zip or folder with pictures and boxes.json.
        names: which pictures count, by name; `is_held_back` for the fifth that is never
            trained on. None: all.
        verdicts: what people say about boxes that nobody labelled.
        progress: wraps the pictures.

    Returns:
        Recall and false boxes. A box finds the face that it overlaps with an IoU of at least
        0.5; each box finds one face. Intervals come from resampled photos.

    Raises:
        ValueError: there is no picture to score.
    """
    pictures = [p for p in read_scenes(source) if names is None or names(p.name)]
    if not pictures:
        raise ValueError(f"{source} holds no picture to score: check its boxes.json.")
    photos = [_score(detector, picture, verdicts) for picture in progress(pictures)]
    return _summary(photos)


def match_boxes(found: Boxes, truth: Boxes) -> npt.NDArray[np.int64]:
    """Pairs found boxes, best first, with true ones.

    Returns:
        int64 (number of found boxes,): the true box that each one found, -1 for none.
    """
    pairs = np.full(len(found), -1)
    free = np.ones(len(truth), bool)
    for index, row in enumerate(box_iou(found, truth)):
        row = np.where(free, row, 0)
        if len(row) and row.max() >= MATCH_IOU:
            pairs[index] = row.argmax()
            free[row.argmax()] = False
    return pairs


def _score(detector: FaceDetector, picture: Picture, verdicts: Sequence[Verdict]) -> PhotoScore:
    thumb = to_thumb(picture.decode())
    faces = [thumb.to_photo(f) for f in detect_faces(detector, [thumb.image], LOWEST_SCORE)[0]]
    found = np.array([face.box for face in faces], np.float32).reshape(-1, 4)
    pairs, overlaps = match_boxes(found, picture.boxes), box_iou(found, picture.boxes)
    nearest = overlaps.max(axis=0, initial=0)
    finder = {int(truth): index for index, truth in enumerate(pairs) if truth >= 0}
    sides = np.sqrt((picture.boxes[:, 2:] - picture.boxes[:, :2]).prod(axis=1))
    labelled = [
        LabelledFace(
            picture.name,
            _corners(picture.boxes[i]),
            float(side),
            masked,
            faces[finder[i]].score if i in finder else 0.0,
            float(overlaps[finder[i], i] if i in finder else nearest[i]),
        )
        for i, (side, masked) in enumerate(zip(sides, picture.masked, strict=True))
    ]
    strays = [
        StrayBox(
            picture.name,
            _corners(box),
            face.score,
            float(overlaps[i].max(initial=0)),
            is_face(picture.name, box, verdicts),
        )
        for i, (face, box) in enumerate(zip(faces, found, strict=True))
        if pairs[i] < 0
    ]
    return PhotoScore(labelled, strays)


def _corners(box: Boxes) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = box.tolist()
    return x0, y0, x1, y1


def _summary(photos: Sequence[PhotoScore]) -> SceneScore:
    strays = sorted((s for p in photos for s in p.strays), key=lambda s: s.score, reverse=True)
    faces = [face for photo in photos for face in photo.faces]
    counted = [face for face in faces if face.side_px >= SMALLEST_PX]
    threshold = quiet_threshold([s for s in strays if s.wrong], len(photos))
    lenient = quiet_threshold([s for s in strays if s.wrong and not s.loose], len(photos))
    missed = [face for face in counted if face.masked and face.score < threshold]
    # Faces that no box found at all are the worst, larger ones first.
    missed.sort(key=lambda face: (face.score, -face.side_px))
    found = [face.iou for face in faces if face.score >= threshold]
    return SceneScore(
        photos=len(photos),
        masked_faces=sum(face.masked for face in counted),
        faces=len(counted),
        quiet=_operation(photos, threshold),
        lenient=_operation(photos, lenient),
        served=_operation(photos, MIN_SCORE),
        by_size=_by_size(faces, threshold),
        missed=missed,
        faint=sum(face.score > 0 for face in missed),
        nearly=sum(NEAR_IOU <= face.iou < MATCH_IOU for face in missed),
        mean_iou=float(np.mean(found)) if found else 0.0,
        strays=strays,
        masked_by_photo=_by_photo([face for face in counted if face.masked], threshold),
    )


def quiet_threshold(wrong: Sequence[StrayBox], photos: int) -> float:
    """The lowest score from which at most MOST_FALSE of the boxes per photo are left."""
    scores = sorted((stray.score for stray in wrong), reverse=True)
    allowed = int(MOST_FALSE * photos)
    if len(scores) <= allowed:
        return LOWEST_SCORE
    return float(np.nextafter(scores[allowed], 1.0))


def _operation(photos: Sequence[PhotoScore], threshold: float) -> Operation:
    strays = [s for photo in photos for s in photo.strays if s.score >= threshold]
    return Operation(
        threshold,
        false_boxes=sum(stray.wrong for stray in strays) / len(photos),
        loose_boxes=sum(stray.loose for stray in strays) / len(photos),
        unlabelled_faces=sum(not stray.wrong for stray in strays) / len(photos),
        masked=_recall(photos, threshold, masked_only=True),
        every=_recall(photos, threshold, masked_only=False),
    )


def _recall(photos: Sequence[PhotoScore], threshold: float, masked_only: bool) -> Estimate | None:
    counted = [
        [f for f in p.faces if f.side_px >= SMALLEST_PX and (f.masked or not masked_only)]
        for p in photos
    ]
    found = [sum(face.score >= threshold for face in faces) for faces in counted]
    return estimate_share(found, [len(faces) for faces in counted])


def _by_photo(faces: Sequence[LabelledFace], threshold: float) -> dict[str, tuple[int, int]]:
    result: dict[str, tuple[int, int]] = {}
    for face in faces:
        found, count = result.get(face.photo, (0, 0))
        result[face.photo] = (found + (face.score >= threshold), count + 1)
    return result


def _by_size(faces: Sequence[LabelledFace], threshold: float) -> dict[str, SizeRecall]:
    result = {}
    for low, high in itertools.pairwise(_SIZES):
        among = [face for face in faces if low <= face.side_px < high]
        masked = [face for face in among if face.masked]
        name = f"{low:.0f}-{high:.0f}" if np.isfinite(high) else f"{low:.0f}-"
        result[name] = SizeRecall(
            _share(masked, threshold), len(masked), _share(among, threshold), len(among)
        )
    return result


def _share(faces: Sequence[LabelledFace], threshold: float) -> float:
    return float(np.mean([face.score >= threshold for face in faces])) if faces else 0.0
