"""The service as the evaluation sees it: takes a photo's bytes, one picture after another."""

import asyncio
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from models.crop.edge import extend_beyond_photo
from models.crop.frame import crop_face, invert, transform
from models.errors import NoFaceError
from models.inpaint.hole import hole_of
from models.inpaint.paint import fill_holes, paint_faces
from models.landmarks.net import LandmarkNet
from models.landmarks.predict import predict_landmarks
from models.outcome import ExaminedFace, Unmasked, as_fine
from models.paste.paste import paste_face
from models.pipeline import Options, find_masks, unmask
from models.pixels import Affine, Image, Landmarks, Mask
from models.stages import LocalStages, Models
from models.training.evaluation.folder import read_photo

# The pictures show one person: take the surest face, not somebody in the background.
_OPTIONS = Options(faces=(0,))


class Service:
    """`models.pipeline` in this process, one face per photo."""

    def __init__(self, models: Models) -> None:
        self._models, self._stages = models, LocalStages(models)

    def unmask(self, photo: Path, reference: Path | None = None) -> Unmasked | None:
        """The answer to a photo; None if no face is found in it.

        Raises:
            ReferencePhotoError: the reference can't be used.
        """
        own = read_photo(reference) if reference else None
        try:
            return asyncio.run(unmask(read_photo(photo), self._stages, _OPTIONS, own))
        except NoFaceError:
            return None

    def find_mask(self, photo: Path) -> ExaminedFace | None:
        """The face of a photo and its mask; None if no face is found."""
        try:
            found = asyncio.run(find_masks(read_photo(photo), self._stages, _OPTIONS))
        except NoFaceError:
            return None
        return found.faces[0]

    def paint(
        self, photo: Path, frame: Affine, mask: Mask, points: Landmarks | None = None
    ) -> tuple[Image, Landmarks]:
        """The photo with the face painted where a given mask is True, and the points used.

        Args:
            photo: its file.
            frame: photo px to canonical px.
            mask: bool (H, W), photo px, True = hidden.
            points: float32 (68, 2), photo px, to paint along; None: guessed ones.

        Returns:
            uint8 (H, W, 3), and float32 (68, 2), photo px.
        """
        picture = read_photo(photo).pixels
        crop, hole = _cut(picture, frame, mask)
        guesser = self._models.landmarks if points is None else _Told(transform(points, frame))
        extended = extend_beyond_photo([hole], [frame], picture.shape[:2])[0]
        painted = paint_faces(self._models.generator, guesser, [crop], [extended])[0]
        beyond = None if extended is hole else extended & ~hole
        paste_face(picture, as_fine(painted.face, frame, extended), hole, frame, beside=beyond)
        return picture, transform(painted.landmarks, invert(frame))

    def fill(self, photo: Path, frame: Affine, mask: Mask) -> tuple[Image, Mask]:
        """The raw painting of the editor's net, along guessed points.

        Args:
            photo, frame, mask: as for `paint`.

        Returns:
            The face, uint8 (256, 256, 3), and the painted part of it, bool (256, 256).
        """
        crop, hole = _cut(read_photo(photo).pixels, frame, mask)
        points = predict_landmarks(self._models.landmarks, [crop], [hole])
        return fill_holes(self._models.generator, [crop], [hole], points)[0], hole

    def bare_points(self, photo: Path, frame: Affine) -> Landmarks:
        """The 68 points of a face without a mask in a given frame, float32, photo px."""
        crop = crop_face(read_photo(photo).pixels, frame)
        bare = np.zeros(crop.shape[:2], np.bool_)
        points = predict_landmarks(self._models.landmarks, [crop], [bare])[0]
        return transform(points, invert(frame))


class _Told(LandmarkNet):
    """Returns the points that it was given, to show what a perfect guess would be worth."""

    def __init__(self, points: Landmarks) -> None:
        nn.Module.__init__(self)
        self.register_buffer("mean_face", torch.from_numpy(points))

    def forward(self, face: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        return self.mean_face[None]


def _cut(picture: Image, frame: Affine, mask: Mask) -> tuple[Image, Mask]:
    """The face of a picture in the frame, and the hole to paint."""
    crop = crop_face(picture, frame)
    warped = cv2.warpAffine(mask.astype(np.float32), frame, crop.shape[1::-1])
    return crop, hole_of(np.asarray(warped > 0.5, np.bool_), crop)
