"""The service as the evaluation sees it: a photo's bytes go in, one picture after another."""

import asyncio
from pathlib import Path

import cv2
import numpy as np

from models.clock import Clock
from models.crop.paste import paste_face
from models.errors import NoFaceError
from models.inpaint.hole import hole_of
from models.photo.decode import Photo, decode_photo
from models.pipeline import MaskedFace, Options, Unmasked, find_masks, unmask
from models.pixels import Image, Mask
from models.stages import LocalStages, Models, Reference

# The pictures show one person: the surest face, not whoever stands behind.
_OPTIONS = Options(faces=(0,))


class Service:
    """`models.pipeline` in this process, one face a photo."""

    def __init__(self, models: Models) -> None:
        self._stages = LocalStages(models)

    def unmask(self, photo: Path, reference: Path | None = None) -> Unmasked | None:
        """The answer to a photo; None if no face is found in it.

        Raises:
            ReferencePhotoError: the reference can't be used.
        """
        own = _read(reference) if reference else None
        try:
            return asyncio.run(unmask(_read(photo), self._stages, _OPTIONS, Clock(), own))
        except NoFaceError:
            return None

    def find_mask(self, photo: Path) -> MaskedFace | None:
        """The face of a photo and its mask; None if no face is found."""
        try:
            return asyncio.run(find_masks(_read(photo), self._stages, _OPTIONS, Clock()))[0]
        except NoFaceError:
            return None

    def paint(self, photo: Path, face: MaskedFace, mask: Mask) -> Image:
        """The photo with the face painted where a given mask of the photo says so."""
        picture = _read(photo).pixels
        size = face.crop.shape[1::-1]
        in_frame = cv2.warpAffine(mask.astype(np.float32), face.frame, size) > 0.5
        hole = hole_of(np.asarray(in_frame, np.bool_), face.crop)
        painted = asyncio.run(self._stages.paint(face.crop, hole))
        paste_face(picture, painted.face, hole, face.frame)
        return picture

    def reference(self, photo: Path) -> Reference:
        """A bare face as the swap stage gets it.

        Raises:
            NoFaceError: the photo shows no face.
        """
        found = asyncio.run(find_masks(_read(photo), self._stages, _OPTIONS, Clock()))[0]
        bare = np.zeros(found.crop.shape[:2], np.bool_)
        return Reference(found.crop, asyncio.run(self._stages.landmarks(found.crop, bare)))


def _read(path: Path) -> Photo:
    return decode_photo(path.read_bytes())
