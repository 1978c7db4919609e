"""The bare faces of a photo, found by the service's own nets: masks are drawn on these."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.photo.decode import Photo
    from models.pixels import Landmarks
    from models.stages import Stages


@dataclass(frozen=True)
class BareFaces:
    landmarks: "list[Landmarks]"  # one array of (68, 2) a face, px of the photo
    masked: list[int]  # indices of the faces that wear a mask already
    more: int  # faces beyond the most that are looked at


async def find_bare_faces(photo: "Photo", stages: "Stages") -> BareFaces:
    """Finds a photo's bare faces, and which of its faces wear a mask.

    Raises:
        NoFaceError: the photo shows no face.
    """
    from models.crop.frame import invert, transform
    from models.pipeline import Options, find_masks

    options = Options()
    found = await find_masks(photo, stages, options)
    bare = BareFaces([], [], found.more)
    for face in found.faces:
        if options.is_worn(face.finding):
            bare.masked.append(face.index)
            continue
        landmarks = await stages.landmarks(face.crop)
        bare.landmarks.append(transform(landmarks, invert(face.frame)))
    return bare
