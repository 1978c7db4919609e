"""A source of faces for training, made from photos by the service's own nets.

See `models.training.frames` for how a source is laid out.
"""

from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from models.crop.frame import FRAME_PX, compose, crop_face
from models.pixels import Affine, Image, Landmarks
from models.training.evaluation.folder import write_image, write_landmarks

KEPT_PX = 384  # side of a face's picture: one and a half frames, at the frame's scale
_QUALITY = 92


@dataclass
class SourceFolder:
    """Writes faces into an existing folder, and their labels at the end."""

    path: Path
    _points: dict[str, Landmarks] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._points)

    def add(self, name: str, photo: Image, frame: Affine, landmarks: Landmarks) -> None:
        """Writes one face of a photo.

        Args:
            name: of the face; not used before.
            photo: uint8 (H, W, 3) RGB.
            frame: photo px to frame px.
            landmarks: float32 (68, 2), frame px.

        Raises:
            OSError: the picture can't be written.
        """
        margin = (KEPT_PX - FRAME_PX) / 2
        to_picture = compose(np.array([[1, 0, margin], [0, 1, margin]], np.float32), frame)
        picture = crop_face(photo, to_picture, KEPT_PX)
        write_image(self.path / f"{name}.webp", picture, cv2.IMWRITE_WEBP_QUALITY, _QUALITY)
        self._points[name] = landmarks + np.float32(margin)

    def write_labels(self) -> None:
        """Writes labels.npz, which `load_faces` looks for, unless there is no face.

        The points are marked as guessed: the landmark net found them, so measured by them it
        would seem right.
        """
        if self._points:
            write_landmarks(self.path / "labels.npz", self._points, guessed=True)
