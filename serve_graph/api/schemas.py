"""The fields that callers may send beside the pictures, and the JSON answers."""

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from models.choices import MAX_CANDIDATES, Expression, FaceChoice
from models.crop.detect import Face
from models.outcome import EditedFace, ExaminedFace
from models.photo.encode import AnswerFormat
from models.photo.header import PhotoFormat
from serve_graph.face_choice import EXPECTED, PATTERN, parse_face_choice

Kind = Literal["picture", "json", "events"]  # of an answer
ACCEPT = "accept"  # in the query: the kind, for callers that can't set the header


def _to_face_choice(text: str) -> FaceChoice:
    try:
        return parse_face_choice(text)
    except ValueError:
        raise PydanticCustomError("faces", EXPECTED) from None


class FacesFields(BaseModel):
    """Fields of /v1/faces: none beside the photo."""

    model_config = ConfigDict(extra="forbid")
    photo_names: ClassVar[tuple[str, ...]] = ("photo",)  # parts that are pictures
    needed: ClassVar[tuple[str, ...]] = ("photo",)  # those of them that must be there
    answers: ClassVar[tuple[Kind, ...]] = ("json",)  # those on offer, the default first
    formats: ClassVar[tuple[AnswerFormat, ...]] = ()  # those on offer for a picture


class MaskFields(FacesFields):
    """Fields of /v1/mask."""

    answers: ClassVar[tuple[Kind, ...]] = ("picture", "json")
    formats: ClassVar[tuple[AnswerFormat, ...]] = ("png",)

    faces: Annotated[
        FaceChoice,
        BeforeValidator(_to_face_choice),
        WithJsonSchema({"type": "string", "pattern": PATTERN}),
        Field(description="Which faces: `all`, `largest`, or the `index` of each: `0,2`."),
    ] = "all"


class UnmaskFields(MaskFields):
    """Fields of /v1/unmask."""

    photo_names = ("photo", "reference", "mask")
    answers: ClassVar[tuple[Kind, ...]] = ("picture", "json", "events")
    formats: ClassVar[tuple[AnswerFormat, ...]] = ("jpeg", "png", "webp")

    consent: bool = Field(
        False, description="Must be true with a reference: the person in it agrees to its use."
    )
    sharpen: bool = Field(False, description="Sharpens the painted part.")
    expression: Expression = Field(
        "auto",
        description="Expression of the painted part: `neutral` relaxes the mouth, `smile` makes it "
        "smile, `auto` keeps the model's guess.",
    )
    candidates: int = Field(
        1,
        ge=1,
        le=MAX_CANDIDATES,
        description="How many plausible faces to paint, most likely first. JSON contains them all; "
        "a picture as answer, and the swap, use the first.",
    )
    format: Annotated[
        AnswerFormat | None,
        BeforeValidator(lambda name: {"jpg": "jpeg"}.get(name.lower(), name.lower())),
        WithJsonSchema({"type": "string", "enum": ["jpeg", "jpg", "png", "webp"]}),
        Field(
            description="Picture format of the answer; `jpg` is `jpeg`. Default: the one that "
            "`Accept` names, or else the photo's own; JPEG for HEIC."
        ),
    ] = None
    quality: Annotated[
        int | None,
        WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 100}),
        Field(ge=1, le=100, description="Quality of JPEG and WebP."),
    ] = None


class SwapFields(UnmaskFields):
    """Fields of /v1/swap."""

    needed = ("photo", "reference")


class FaceAnswer(BaseModel):
    """One face; coordinates in px of the upright photo."""

    index: int = Field(
        description="The face's number, as the field `faces` takes it. Except in /v1/faces, "
        "low-confidence detections are left out but keep their numbers: send this back, not the "
        "position in the list"
    )
    box: list[float] = Field(
        min_length=4,
        max_length=4,
        description="x0, y0, x1, y1; beyond the photo's edge where that cuts off the face",
    )
    score: float = Field(description="Confidence of the detector, 0 to 1")
    points: list[Annotated[list[float], Field(min_length=2, max_length=2)]] = Field(
        min_length=5,
        max_length=5,
        description="(x, y) of left and right eye as seen, nose tip, left and right mouth corner; "
        "may lie outside the photo too",
    )


class MaskedFaceAnswer(FaceAnswer):
    """One face and its mask."""

    mask_probability: float = Field(description="Probability that a mask is worn, 0 to 1")
    mask_coverage: float = Field(description="Share of the aligned face that is hidden, 0 to 1")


class EditedFaceAnswer(MaskedFaceAnswer):
    """One face and whether it was edited."""

    changed: bool = Field(description="Whether the face was painted; bare faces aren't")
    swapped: bool = Field(
        description="Whether it has the reference's lower face. A head turned much farther than "
        "the reference's stays painted: its nose would look broken"
    )


class PictureAnswer(BaseModel):
    """An encoded picture."""

    media_type: Annotated[
        str, WithJsonSchema({"type": "string", "enum": ["image/jpeg", "image/png", "image/webp"]})
    ]
    base64: str = Field(description="The file, base64-encoded")


class Answer(BaseModel):
    """What all JSON answers have in common."""

    width: int = Field(description="Width of the upright photo, px")
    height: int = Field(description="Height of the upright photo, px")
    timings: dict[str, float] = Field(
        description="Milliseconds by stage, and in total. Faces are worked on side by side and "
        "each counts in full, so a stage may exceed the total"
    )


class FacesAnswer(Answer):
    """JSON answer of /v1/faces."""

    faces: list[FaceAnswer] = Field(
        description="All detections, low-confidence ones too; best first"
    )


class MaskAnswer(Answer):
    """JSON answer of /v1/mask."""

    faces: list[MaskedFaceAnswer]
    mask: PictureAnswer = Field(description="PNG of the photo's size: 255 = hidden, else 0")


class UnmaskAnswer(Answer):
    """JSON answer of /v1/unmask and /v1/swap."""

    faces: list[EditedFaceAnswer]
    painted: PictureAnswer = Field(description="The most likely candidate")
    swapped: PictureAnswer | None = Field(
        description='Sent if there was a reference. Faces with `"swapped": true` show the '
        "reference's lower face, other masked faces are painted. If there is no such face, "
        "it equals `painted`",
    )
    candidates: list[PictureAnswer] | None = Field(
        description="All of them, most likely first; only if several were asked for"
    )


class LimitsAnswer(BaseModel):
    """How large a picture may be."""

    max_bytes: int = Field(description="As it is sent")
    max_pixels: int = Field(description="Width times height")
    max_side: int = Field(description="Px of the longer side")


class InfoAnswer(BaseModel):
    """JSON answer of /v1/info."""

    version: str = Field(description="Version of the code")
    model_version: str = Field(description="Version of the weights, as in `X-Model-Version`")
    formats: list[PhotoFormat] = Field(description="Of the pictures that it takes")
    limits: LimitsAnswer
    max_faces: int = Field(description="How many faces of a photo are edited: the best ones")
    max_candidates: int = Field(description="The most that the field `candidates` may ask for")
    default_timeout_s: float = Field(
        description="How long an answer may take if `X-Request-Timeout-Ms` isn't sent"
    )
    max_timeout_s: float = Field(description="The longest that `X-Request-Timeout-Ms` may set")


class StageEvent(BaseModel):
    """A stage has ended. Stages that run for each face send an event for each."""

    stage: str = Field(description="Name of the stage, as in `timings`")
    ms: float = Field(description="Its duration in milliseconds")


def face_answer(index: int, face: Face) -> FaceAnswer:
    """A found face as JSON."""
    return FaceAnswer(
        index=index,
        box=[round(float(value), 2) for value in face.box],
        score=round(float(face.score), 4),
        points=[[round(float(x), 2), round(float(y), 2)] for x, y in face.points],
    )


def masked_face_answer(one: ExaminedFace) -> MaskedFaceAnswer:
    """A face with its mask as JSON."""
    return MaskedFaceAnswer(
        **face_answer(one.index, one.face).model_dump(),
        mask_probability=round(float(one.finding.probability), 4),
        mask_coverage=round(one.finding.coverage, 4),
    )


def edited_face_answer(one: EditedFace) -> EditedFaceAnswer:
    """An edited face as JSON."""
    return EditedFaceAnswer(
        **masked_face_answer(one.found).model_dump(),
        changed=one.painted is not None,
        swapped=one.swapped is not None,
    )
