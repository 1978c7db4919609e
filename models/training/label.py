"""A source of faces for training, made from photos by the service's own nets.

See `models.training.sources` for how a source is laid out.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from models.atomic_write import atomic_write
from models.crop.frame import FRAME_PX, compose, crop_face
from models.errors import Mask2FaceError, NoFaceError
from models.photo.decode import Photo
from models.pixels import Affine, Image, Landmarks
from models.stages import Stages
from models.training.photos import find_landmarks
from models.training.pictures import write_image, write_landmarks

KEPT_PX = 384  # side of a face's picture: one and a half frames, at the frame's scale
SAVE_EVERY = 200  # photos: some minutes of work
_LEAST_PX = 32  # minimum width of a face: a smaller one shows too little to learn from
_LONGEST = 255  # bytes of a file's name
_QUALITY = 92
_NOTES = "unfinished.json"


class SourceInUseError(Mask2FaceError):
    """The folder holds another source."""


class SourceWriteError(Mask2FaceError):
    """The folder can't be written to, which is no photo's fault."""


@dataclass
class SourceFolder:
    """Writes faces into a folder, and their labels now and then: may be stopped any time.

    Until `finish`, unfinished.json names the photos that were looked at, so that another
    `SourceFolder` can go on.
    """

    path: Path
    asked: dict[str, str | bool]  # what was asked for; only the same can go on
    looked: set[str] = field(default_factory=set)  # names of photos
    _points: dict[str, Landmarks] = field(default_factory=dict)

    def begin(self) -> None:
        """Creates the folder, or takes up what an earlier one left unfinished in it.

        Raises:
            SourceInUseError: it holds a finished source, or something else was asked for.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        labels, notes = self.path / "labels.npz", self.path / _NOTES
        if not notes.exists():
            if labels.exists():
                raise SourceInUseError(f"{self.path} holds faces already: choose another folder.")
            return
        earlier = json.loads(notes.read_text())
        if self.asked | earlier["asked"] != self.asked:  # older versions noted no weights
            raise SourceInUseError(
                f"{self.path} holds the beginning of another source ({earlier['asked']}): finish "
                "it with the command that began it, or choose another folder."
            )
        self.looked.update(earlier["looked"])
        if labels.exists():
            kept = np.load(labels)
            self._points.update(zip(kept["name"].tolist(), kept["landmarks"], strict=True))

    def __len__(self) -> int:
        return len(self._points)

    def add(self, name: str, photo: Image, frame: Affine, landmarks: Landmarks) -> None:
        """Writes one face of a photo.

        Args:
            name: of the face; one of the same name is replaced.
            photo: uint8 (H, W, 3) RGB.
            frame: photo px to frame px.
            landmarks: float32 (68, 2), frame px.

        Raises:
            OSError: no disk takes a picture of this name.
            SourceWriteError: the picture can't be written.
        """
        file = f"{name}.webp"
        if (size := len(os.fsencode(file))) > _LONGEST:
            raise OSError(
                f"with .webp its name has {size} bytes, and a disk takes {_LONGEST}: shorten it."
            )
        margin = (KEPT_PX - FRAME_PX) / 2
        to_picture = compose(np.array([[1, 0, margin], [0, 1, margin]], np.float32), frame)
        picture = crop_face(photo, to_picture, KEPT_PX)
        with _writing(self.path):
            write_image(self.path / file, picture, cv2.IMWRITE_WEBP_QUALITY, _QUALITY)
        self._points[name] = landmarks + np.float32(margin)

    async def add_photo(self, name: str, photo: Photo, masked: bool, stages: Stages) -> None:
        """Writes a photo's faces: those that wear a mask, or those that don't.

        Raises as `add`.
        """
        try:
            found = await find_landmarks(photo, stages, masked=masked, least_px=_LEAST_PX)
        except NoFaceError:
            return
        for number, one in enumerate(found.faces):
            # A photo's name with its suffix is unique, and so are the names of its faces.
            own = name if len(found.faces) == 1 else f"{name}_{number}"
            self.add(own, photo.pixels, one.found.frame, one.landmarks)

    def tick_off(self, photo: str) -> None:
        """Counts a photo as looked at; every few hundred, does as `save`."""
        self.looked.add(photo)
        if len(self.looked) % SAVE_EVERY == 0:
            self.save()

    def save(self) -> None:
        """Writes the labels so far, and which photos they are from.

        Raises:
            SourceWriteError: they can't be written; those of the last time stay.
        """
        with _writing(self.path), atomic_write(self.path / _NOTES) as part:
            part.write_text(json.dumps({"asked": self.asked, "looked": sorted(self.looked)}))
            self._write_labels()  # a disk too full for one of both keeps both as they were

    def finish(self) -> None:
        """Writes the labels, and says that no photo is left; raises as `save`."""
        with _writing(self.path):
            self._write_labels()
            (self.path / _NOTES).unlink(missing_ok=True)

    def _write_labels(self) -> None:
        """Writes labels.npz, which `load_faces` looks for, unless there is no face.

        The points are marked as guessed: the landmark net found them, so measured by them it
        would seem right.
        """
        if self._points:
            with atomic_write(self.path / "labels.npz") as part:
                write_landmarks(part, self._points, guessed=True)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SourceWriteError(
            f"{folder} can't be written to ({error}): make room, then run the same "
            "command again to continue."
        ) from error
