"""One training sample: a jittered canonical crop with its points and a mask's outline."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from models.crop.frame import FRAME_PX, compose, scale_affine
from models.pixels import Image, Landmarks, Mask
from models.training.drawing.kinds import KINDS
from models.training.drawing.outline import draw_outline
from models.training.frames import Faces
from models.training.jitter import cut, jittered_frame
from models.training.loop import Batch


@dataclass(frozen=True)
class Sample:
    face: Image  # uint8 (S, S, 3), bare
    landmarks: Landmarks  # float32 (68, 2), px of `face`
    hole: Mask  # bool (S, S)


def draw_sample(
    faces: Faces,
    rng: np.random.Generator,
    jitter: float,
    bare_share: float,
    size: int = FRAME_PX,
    faces_per_kind: int = 0,
) -> Sample:
    """A random face of the store, jittered, with the outline of a drawn mask or with none.

    Only the outline is drawn, as nets trained on such samples never see under it. `size` is the
    side of the picture in px, to which the points refer. With `faces_per_kind`, each kind of mask
    is drawn on that many faces only, always the same ones.
    """
    kind = None
    row = int(rng.integers(len(faces)))
    if faces_per_kind:
        kind = KINDS[int(rng.integers(len(KINDS)))]
        # A prime far from any count of faces spreads the few over all.
        row = (row % faces_per_kind * len(KINDS) + KINDS.index(kind)) * 7919 % len(faces)
    image, landmarks = faces[row]
    frame = jittered_frame(landmarks, rng, jitter, flip=bool(rng.random() < 0.5))
    face, points = cut(image, landmarks, compose(scale_affine(size), frame), size)
    if rng.random() < bare_share:
        return Sample(face, points, np.zeros(face.shape[:2], np.bool_))
    outline = draw_outline(points, face.shape[:2], rng, kind)
    return Sample(face, points, _grown(outline, int(rng.integers(1, 10)) * size // FRAME_PX))


def stack(samples: list[Sample]) -> Batch:
    """Samples as uint8, bool and float32 tensors: face (B, S, S, 3), hole (B, 1, S, S), points."""
    return {
        "face": torch.from_numpy(np.stack([s.face for s in samples])),
        "hole": torch.from_numpy(np.stack([s.hole for s in samples]))[:, None],
        "points": torch.from_numpy(np.stack([s.landmarks for s in samples])),
    }


def _grown(mask: Mask, px: int) -> Mask:
    # The service paints slightly more than it found, and a found mask is never exact.
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * px + 1, 2 * px + 1))
    return cv2.dilate(mask.astype(np.uint8), disc).astype(bool)
