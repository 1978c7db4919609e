"""The faces of photos with their landmarks, found by the service's own nets."""

from dataclasses import dataclass

from models.crop.frame import invert, transform
from models.inpaint.hole import hole_of
from models.landmarks.guess import AS_GUESSED
from models.outcome import ExaminedFace
from models.photo.decode import Photo
from models.pipeline import Options, find_masks
from models.pixels import Landmarks
from models.stages import Stages


@dataclass(frozen=True)
class PointedFace:
    """A face and its points."""

    found: ExaminedFace
    landmarks: Landmarks  # (68, 2), frame px

    @property
    def in_photo(self) -> Landmarks:
        """The landmarks in px of the photo."""
        return transform(self.landmarks, invert(self.found.frame))


@dataclass(frozen=True)
class PhotoFaces:
    """The faces of a photo that wear a mask, or those that don't."""

    faces: list[PointedFace]
    others: list[int]  # indices of the faces of the other kind
    more: int  # faces beyond the most that are looked at


async def find_landmarks(
    photo: Photo, stages: Stages, *, masked: bool = False, least_px: float = 0
) -> PhotoFaces:
    """Finds a photo's bare faces, or its masked ones, and their landmarks.

    Args:
        photo: upright pixels.
        stages: runs the nets.
        masked: the faces that wear a mask; else the bare ones.
        least_px: narrower faces are left out.

    Raises:
        NoFaceError: the photo shows no face.
    """
    options = Options()
    found = await find_masks(photo, stages, options)
    kinds: dict[bool, list[ExaminedFace]] = {True: [], False: []}
    for one in found.faces:
        kinds[options.is_worn(one.finding)].append(one)
    wide = [one for one in kinds[masked] if one.face.box[2] - one.face.box[0] >= least_px]
    faces = [PointedFace(one, await _landmarks(one, masked, stages)) for one in wide]
    return PhotoFaces(faces, [one.index for one in kinds[not masked]], found.more)


async def _landmarks(one: ExaminedFace, masked: bool, stages: Stages) -> Landmarks:
    if not masked:
        return await stages.landmarks(one.crop)
    hole = hole_of(one.finding.mask, one.crop)
    return (await stages.paint(one.crop, hole, AS_GUESSED))[0].landmarks
