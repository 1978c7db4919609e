"""Finds the faces of photos: boxes, scores and five points each, batched."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from models.checkpoint import Manifest, load_net
from models.crop.net import STRIDES, Candidates, DetectorConfig, FaceDetector
from models.nets.inference import for_inference
from models.pixels import Floats, Image, Points, to_tensor

THUMB_PX = 512
MIN_SCORE = 0.38  # the mask net filters out what isn't a masked face
GREY = 114  # of 255: beyond the photo, in training too
_HALF_AS_SURE = 0.5
_MAX_CANDIDATES = 400  # cells of one photo that are considered, best first
_SAME_FACE_IOU = 0.45  # boxes that overlap more are one face
_INSIDE = 0.75  # a box with more of its area inside a better face is a part of that face
_AGREEING_IOU = 0.7  # boxes that overlap at least this much are averaged, and so are their points

Boxes = Floats  # (..., 4): x0, y0, x1, y1


@dataclass(frozen=True)
class Face:
    """One face, in px of the picture it was found in."""

    box: Boxes  # (4,) x0, y0, x1, y1
    score: float  # 0..1
    points: Points  # (5, 2): eyes, nose tip, mouth corners; left in the picture first


@dataclass(frozen=True)
class Thumb:
    """A photo scaled to the detector's size."""

    image: Image  # (H, W, 3)
    scale: tuple[float, float]  # thumb px per photo px, across and down

    def to_photo(self, face: Face) -> Face:
        """The same face in px of the photo that the thumb was made from."""
        return Face(
            _to_photo(face.box.reshape(2, 2), self.scale).reshape(4),
            face.score,
            _to_photo(face.points, self.scale),
        )


def to_thumb(image: Image, size: int = THUMB_PX) -> Thumb:
    """Scales a photo down to the detector's size; a smaller photo stays as it is.

    Halving, then resizing bilinearly, costs a tenth of averaging at an arbitrary ratio.

    Args:
        image: RGB, uint8 (H, W, 3).
        size: of the longer side, px.
    """
    height, width = image.shape[:2]
    scale = min(1.0, size / max(height, width))
    shape = (max(1, round(width * scale)), max(1, round(height * scale)))
    shrunk = 1
    while min(image.shape[0] / shape[1], image.shape[1] / shape[0]) >= 2:
        image, shrunk = _halved(image), 2 * shrunk
    # Relative to the px that are left: sides were rounded, odd last columns and rows dropped.
    scales = shape[0] / (shrunk * image.shape[1]), shape[1] / (shrunk * image.shape[0])
    image = np.asarray(cv2.resize(image, shape, interpolation=cv2.INTER_LINEAR), np.uint8)
    return Thumb(image, scales)


def _halved(image: Image) -> Image:
    # Only whole ratios are fast: an odd last row or column is left out.
    height, width = image.shape[0] // 2, image.shape[1] // 2
    even = image[: 2 * height, : 2 * width]
    return np.asarray(cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def load_detector(manifest: Manifest, device: str) -> FaceDetector:
    """The detector of the manifest's `crop` entry.

    Raises:
        WeightsError: see `Manifest.path` and `load_net`.
    """
    net = load_net(manifest.path("crop"), FaceDetector, DetectorConfig, device)
    levels = range(len(STRIDES))
    return for_inference(
        net,
        folds={},
        float32=[f"heads.{level}.out" for level in levels],
        entry=("backbone.stem", "backbone.levels.0.0"),
        parts=("encode",),
    )


@torch.inference_mode()
def detect_faces(
    detector: FaceDetector, thumbs: Sequence[Image], min_score: float = MIN_SCORE
) -> list[list[Face]]:
    """The faces of each thumb, best first.

    Args:
        detector: from `load_detector`.
        thumbs: uint8 (H, W, 3), of any sizes; those of one size take the least work.
        min_score: faces that score less are left out, as are those with less than half the score of
            the photo's best.

    Returns:
        One list per thumb, in px of the thumb; empty if no face was found.
    """
    if not thumbs:
        return []
    device = next(detector.parameters()).device
    # On a GPU all are squares of one size: every other shape would need a graph of its own.
    multiple = STRIDES[-1] if device.type == "cpu" else THUMB_PX
    photos = to_tensor(_padded(thumbs, multiple), device)
    photos = photos.contiguous(memory_format=torch.channels_last)
    return faces_of(detector(photos), min_score)


def faces_of(candidates: Candidates, min_score: float) -> list[list[Face]]:
    """Turns the proposals of all cells into distinct faces, best first, for each photo."""
    logits = candidates.logits
    best, order = logits.topk(min(_MAX_CANDIDATES, logits.shape[1]), dim=1)
    boxes = candidates.boxes.gather(1, order[..., None].expand(-1, -1, 4))
    points = candidates.points.flatten(2).gather(1, order[..., None].expand(-1, -1, 10))
    arrays = [part.float().cpu().numpy() for part in (best.sigmoid(), boxes, points)]
    photos = zip(*arrays, strict=True)
    return [_distinct(scores, boxes, points, min_score) for scores, boxes, points in photos]


def box_iou(boxes: Boxes, others: Boxes) -> Floats:
    """Intersection over union of each box with each other, float32 (N, M)."""
    common = _common(boxes, others)
    union = _areas(boxes)[:, None] + _areas(others)[None, :] - common
    return np.asarray(common / np.maximum(union, 1e-6), np.float32)


def _share_inside(boxes: Boxes) -> Floats:
    """How much of box j lies inside box i, float32 (N, N), 0..1."""
    return np.asarray(_common(boxes, boxes) / np.maximum(_areas(boxes), 1e-6), np.float32)


def _common(boxes: Boxes, others: Boxes) -> Floats:
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    return np.asarray(np.clip(high - low, 0, None).prod(axis=2), np.float32)


def _areas(boxes: Boxes) -> Floats:
    return np.asarray(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=1), np.float32)


def _distinct(scores: Floats, boxes: Boxes, points: Floats, min_score: float) -> list[Face]:
    # Next to a sure face, hands, ears and patterns score up to just under half as much.
    kept = scores >= max(min_score, _HALF_AS_SURE * float(scores.max(initial=0.0)))
    scores, boxes, points = scores[kept], boxes[kept], points[kept]
    overlaps, inside = box_iou(boxes, boxes), _share_inside(boxes)
    left = np.ones(len(scores), bool)
    faces = []
    for best in range(len(scores)):  # sorted, best first
        if not left[best]:
            continue
        agreeing = left & (overlaps[best] >= _AGREEING_IOU)
        left &= (overlaps[best] < _SAME_FACE_IOU) & (inside[best] < _INSIDE)
        # Neighbouring cells see the same face: their mean is steadier than the best one.
        weights = np.where(agreeing, scores**2, 0)
        weights /= weights.sum()
        face = weights @ boxes, float(scores[best]), (weights @ points).reshape(5, 2)
        faces.append(Face(face[0].astype(np.float32), face[1], face[2].astype(np.float32)))
    return faces


def _padded(images: Sequence[Image], multiple: int) -> list[Image]:
    """Pads all with grey to one size, a multiple of `multiple` in both directions."""
    height, width = (
        -(-max(image.shape[axis] for image in images) // multiple) * multiple for axis in (0, 1)
    )
    padded = []
    for image in images:
        canvas = np.full((height, width, 3), GREY, np.uint8)
        canvas[: image.shape[0], : image.shape[1]] = image
        padded.append(canvas)
    return padded


def _to_photo(points: Points, scale: tuple[float, float]) -> Points:
    # Integer coordinates are pixel centres, so the picture's corner is at -0.5.
    return np.asarray((points + 0.5) / np.asarray(scale) - 0.5, np.float32)
