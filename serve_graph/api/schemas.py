"""What callers may send beside the pictures, and the JSON that they get."""

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from models.crop.detect import Face
from models.landmarks.guess import MAX_CANDIDATES
from models.landmarks.shape import Expression
from models.photo.encode import AnswerFormat
from models.pipeline import EditedFace, MaskedFace
from serve_graph.which import EXPECTED, PATTERN, Which, parse_which

Kind = Literal["picture", "json", "events"]  # of an answer
ACCEPT = "accept"  # in the query: the kind, for callers that can't set the header


def _to_which(text: object) -> object:
    try:
        return parse_which(text) if isinstance(text, str) else text
    except ValueError:
        raise PydanticCustomError("faces", EXPECTED) from None


class FacesFields(BaseModel):
    """Fields of /v1/faces: none beside the photo."""

    model_config = ConfigDict(extra="forbid")
    photo_names: ClassVar[tuple[str, ...]] = ("photo",)  # parts that are pictures
    answers: ClassVar[tuple[Kind, ...]] = ("json",)  # that there may be, the usual one first


class MaskFields(FacesFields):
    """Fields of /v1/mask."""

    answers: ClassVar[tuple[Kind, ...]] = ("picture", "json")

    faces: Annotated[
        Which,
        BeforeValidator(_to_which),
        WithJsonSchema({"type": "string", "pattern": PATTERN, "default": "all"}),
        Field(description="`all`, `largest`, or the `index` of each: `0,2`."),
    ] = "all"


class UnmaskFields(MaskFields):
    """Fields of /v1/unmask and /v1/swap."""

    photo_names = ("photo", "reference", "mask")
    answers: ClassVar[tuple[Kind, ...]] = ("picture", "json", "events")

    consent: bool = Field(
        False, description="Must be true with a reference: the person on it agrees to its use."
    )
    sharpen: bool = Field(False, description="Sharpens the painted part.")
    expression: Expression = Field(
        "auto",
        description="Of the painted part: `neutral` calms the mouth, `smile` makes it smile, "
        "`auto` leaves it as guessed.",
    )
    candidates: int = Field(
        1,
        ge=1,
        le=MAX_CANDIDATES,
        description="How many plausible faces to paint, most likely first. JSON carries them all; "
        "an answer that is a picture, and the swap, take the first.",
    )
    format: Annotated[
        AnswerFormat | None,
        WithJsonSchema({"type": "string", "enum": ["jpeg", "png", "webp"]}),
        Field(description="Of the answered picture; as it came in if not given, JPEG for HEIC."),
    ] = None
    quality: Annotated[
        int | None,
        WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 100}),
        Field(ge=1, le=100, description="Of JPEG and WebP."),
    ] = None


class FaceAnswer(BaseModel):
    """One face; px of the upright photo."""

    index: int = Field(
        description="What `faces` calls it. Elsewhere than in /v1/faces doubtful finds are left "
        "out but keep their numbers: send this back, never the place in the list"
    )
    box: list[float] = Field(description="x0, y0, x1, y1")
    score: float = Field(description="How sure the detector is, 0 to 1")
    points: list[list[float]] = Field(
        description="(x, y) of: left and right eye as seen, nose tip, left and right mouth corner"
    )


class MaskedFaceAnswer(FaceAnswer):
    """One face and what hides it."""

    mask_probability: float = Field(description="That a mask is worn, 0 to 1")
    mask_coverage: float = Field(description="Share of the aligned face that is hidden, 0 to 1")


class EditedFaceAnswer(MaskedFaceAnswer):
    """One face and whether it was edited."""

    changed: bool = Field(description="Whether it was painted; a bare face is not")


class PictureAnswer(BaseModel):
    """An encoded picture."""

    media_type: str = Field(description="Such as `image/jpeg`")
    base64: str = Field(description="The file, in base64")


class Answer(BaseModel):
    """What all JSON answers have in common."""

    width: int = Field(description="Of the upright photo, px")
    height: int = Field(description="Of the upright photo, px")
    timings: dict[str, float] = Field(
        description="Milliseconds by stage, and in total. Faces that go side by side add up, so a "
        "stage may exceed the total"
    )


class FacesAnswer(Answer):
    """Of /v1/faces."""

    faces: list[FaceAnswer] = Field(description="All finds, doubtful ones too; best first")


class MaskAnswer(Answer):
    """Of /v1/mask."""

    faces: list[MaskedFaceAnswer]
    mask: PictureAnswer = Field(description="PNG of the photo's size: 255 = hidden, else 0")


class UnmaskAnswer(Answer):
    """Of /v1/unmask and /v1/swap."""

    faces: list[EditedFaceAnswer]
    painted: PictureAnswer = Field(description="The most likely candidate")
    swapped: PictureAnswer | None = Field(None, description="With a reference only")
    candidates: list[PictureAnswer] | None = Field(
        None, description="Where several were asked for: all of them, most likely first"
    )


class StageEvent(BaseModel):
    """A stage has ended; one a face where it is done for each."""

    stage: str = Field(description="Its name, as in `timings`")
    ms: float = Field(description="Milliseconds that it took")


def face_answer(index: int, face: Face) -> FaceAnswer:
    """A found face as JSON."""
    return FaceAnswer(
        index=index,
        box=[round(float(value), 2) for value in face.box],
        score=round(float(face.score), 4),
        points=[[round(float(x), 2), round(float(y), 2)] for x, y in face.points],
    )


def masked_face_answer(one: MaskedFace) -> MaskedFaceAnswer:
    """A face with its mask as JSON."""
    return MaskedFaceAnswer(
        **face_answer(one.index, one.face).model_dump(),
        mask_probability=round(float(one.finding.probability), 4),
        mask_coverage=round(one.finding.coverage, 4),
    )


def edited_face_answer(one: EditedFace) -> EditedFaceAnswer:
    """An edited face as JSON."""
    return EditedFaceAnswer(
        **masked_face_answer(one.found).model_dump(), changed=one.painted is not None
    )
