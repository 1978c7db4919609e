"""What FastAPI can't see for the OpenAPI document: bodies and answers are handled by hand."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from models.errors import (
    BadImageError,
    DrawnMaskError,
    InputError,
    NoFaceError,
    NoMaskError,
    NotAnImageError,
    ReferencePhotoError,
    TooLargeError,
)
from models.photo.header import Limits
from serve_graph.api.answers import FACES, FACES_CHANGED, FACES_SWAPPED
from serve_graph.api.events import EVENTS
from serve_graph.api.schemas import (
    ACCEPT,
    FacesAnswer,
    FacesFields,
    MaskAnswer,
    MaskFields,
    StageEvent,
    SwapFields,
    UnmaskAnswer,
    UnmaskFields,
)
from serve_graph.problems import (
    MEDIA_TYPE,
    BadFormError,
    BusyError,
    CompressedBodyError,
    ConsentError,
    DeadlineError,
    EndingError,
    FieldsError,
    NotAcceptableError,
    NotReadyError,
    OtherOriginError,
    Problem,
    ServiceError,
    SlowUploadError,
)
from serve_graph.settings import ApiSettings

Json = dict[str, Any]

PROBLEMS: tuple[type[InputError | ServiceError], ...] = (
    BadImageError,
    BadFormError,
    SlowUploadError,
    OtherOriginError,
    NotAcceptableError,
    TooLargeError,
    NotAnImageError,
    CompressedBodyError,
    FieldsError,
    NoFaceError,
    NoMaskError,
    ConsentError,
    ReferencePhotoError,
    DrawnMaskError,
    BusyError,
    EndingError,
    NotReadyError,
    DeadlineError,
)
_TOLD = sorted(
    [
        *((one.status, one.slug, one.title) for one in PROBLEMS),
        (404, "not-found", "Not Found"),
        (405, "method-not-allowed", "Method Not Allowed"),
        (500, "internal", "Internal error"),
    ]
)
ABOUT = (
    """Takes the mask off a face in a photo.

Errors are RFC 9457 problems (`application/problem+json`); `type` is stable, `instance` is the
request's id. Every answer of the service carries `X-Request-ID`, `Server-Timing` and
`X-Model-Version`; those that a proxy sends in its place may not. Within `/v1`, fields, events and
members may be added; none is removed or changes its meaning.

| status | type | title |
|---|---|---|
"""
    + "\n".join(f"| {status} | `/problems/{slug}` | {title} |" for status, slug, title in _TOLD)
    + "\n"
)

_SCHEMAS = "#/components/schemas/"
_HEADERS = {
    name: {"description": text, "schema": {"type": "string"}}
    for name, text in {
        "X-Request-ID": "The id that the request came with, or a new one",
        "Server-Timing": "Milliseconds by stage",
        "X-Model-Version": "Version of the weights",
    }.items()
}
_RETRY_AFTER = {
    "Retry-After": {
        "description": "Seconds after which the same request may be sent again",
        "schema": {"type": "integer", "minimum": 1},
    }
}
_FACE_COUNTS = {
    name: {"description": f"With a picture: {text}", "schema": {"type": "integer", "minimum": 0}}
    for name, text in {
        FACES: "how many faces were chosen, with a mask or without",
        FACES_CHANGED: "how many of them were painted",
        FACES_SWAPPED: "how many of them have the reference's lower face",
    }.items()
}
_REQUEST_ID = {
    "name": "X-Request-ID",
    "in": "header",
    "required": False,
    "description": "Returned in the answer and written to the service's log; generated if missing. "
    "Up to 64 letters, digits, `.`, `_` and `-` are safe everywhere.",
    "schema": {"type": "string"},
}
_PICTURE = {"type": "string", "format": "binary"}


@dataclass(frozen=True)
class Described:
    """What FastAPI gets to describe a call."""

    responses: dict[int | str, Json]
    request: Json


def _ref(model: type[BaseModel]) -> Json:
    return {"$ref": _SCHEMAS + model.__name__}


def _answer(description: str, content: Json, headers: Json | None = None) -> Json:
    return {"description": description, "headers": _HEADERS | (headers or {}), "content": content}


def _problems(*statuses: int) -> dict[int | str, Json]:
    titles: dict[int, list[str]] = {500: ["Internal error"]}
    for one in PROBLEMS:
        titles.setdefault(one.status, []).append(one.title)
    content = {MEDIA_TYPE: {"schema": _ref(Problem)}}
    return {
        status: _answer("; ".join(titles[status]), content, _RETRY_AFTER if status == 503 else None)
        for status in statuses
    }


def _request(fields: type[FacesFields], settings: ApiSettings) -> Json:
    """Body and query of a call; fields may be sent in either."""
    required = [*fields.needed, *(["consent"] if "reference" in fields.needed else [])]
    properties = _properties(fields, settings)
    pictures = {name: _picture(name, settings.limits) for name in fields.photo_names}
    form = {
        "type": "object",
        "properties": pictures | properties,
        "required": required,
        "additionalProperties": False,
    }
    content = {"multipart/form-data": {"schema": form}}
    if required == ["photo"]:
        for media_type in ("image/*", "application/octet-stream"):  # generators know the latter
            content[media_type] = {"schema": pictures["photo"]}
    return {
        "requestBody": {"required": True, "content": content},
        "parameters": [_REQUEST_ID, *_query(fields, properties)],
    }


def _properties(fields: type[FacesFields], settings: ApiSettings) -> Json:
    """The fields; each tells its default in words, and the service fills it in.

    A generated client would send a `default` with each form, where it overrides the query.
    """
    properties: Json = fields.model_json_schema()["properties"]
    defaults = {name: schema.pop("default", None) for name, schema in properties.items()}
    for name, default in (defaults | {"quality": settings.quality}).items():
        if default is not None and name in properties:
            told = str(default).lower()  # booleans as JSON has them
            properties[name]["description"] += f" Default: `{told}`."
    return properties


def _query(fields: type[FacesFields], properties: Json) -> list[Json]:
    about = "Kind of answer, for callers that can't set the header `Accept`; overrides it."
    kinds = {"type": "string", "enum": list(fields.answers), "description": about}
    properties = {ACCEPT: kinds} | properties
    return [
        {
            "name": name,
            "in": "query",
            "required": False,
            "description": schema["description"],
            "schema": schema,
        }
        for name, schema in properties.items()
    ]


def _picture(name: str, limits: Limits) -> Json:
    taken = (
        f"JPEG, PNG, WebP or HEIC; at most {limits.max_bytes / 1e6:g} MB, "
        f"{limits.max_pixels / 1e6:g} megapixels, {limits.max_side} px a side and one frame"
    )
    about = {
        "photo": "The photo",
        "mask": "Your own mask, of the upright photo's size: white is painted, and the detected "
        "mask is ignored",
        "reference": "The same person without a mask; needs `consent`",
    }
    return _PICTURE | {"description": f"{about[name]}. {taken}."}


def _call(
    fields: type[FacesFields],
    settings: ApiSettings,
    description: str,
    content: Json,
    counts: Iterable[str] = (),
) -> Described:
    headers = {name: _FACE_COUNTS[name] for name in counts}
    answers: dict[int | str, Json] = {200: _answer(description, content, headers)}
    problems = _problems(400, 403, 413, 415, 422, 500, 503, 504)
    if len(content) > 1:
        problems |= _problems(406)
    return Described(answers | problems, _request(fields, settings))


def _pictures(*formats: str) -> Json:
    return {f"image/{one}": {"schema": _PICTURE} for one in formats}


def _json(model: type[BaseModel]) -> Json:
    return {"application/json": {"schema": _ref(model)}}


_EVENTS: Json = {
    EVENTS: {
        "schema": {
            "type": "string",
            "description": "A `stage` event with a StageEvent as each stage ends; at the end "
            "`result` with an UnmaskAnswer, or `problem` with a Problem. Errors before the "
            "pictures are decoded are answered with their own status instead.",
        },
        "example": 'event: stage\ndata: {"stage":"crop","ms":21.4}\n\n',
    }
}
_UNMASKED = _pictures(*UnmaskFields.formats) | _json(UnmaskAnswer) | _EVENTS


def calls(settings: ApiSettings) -> dict[str, Described]:
    """The calls by name, described with the limits and defaults of `settings`."""
    wish = "if Accept or `accept` asks for it"
    masks = _pictures(*MaskFields.formats) | _json(MaskAnswer)
    return {
        "unmask": _call(
            UnmaskFields,
            settings,
            f"The unmasked photo; JSON or events {wish}",
            _UNMASKED,
            _FACE_COUNTS,
        ),
        "swap": _call(
            SwapFields,
            settings,
            f"The photo with the person's own lower face; JSON or events {wish}",
            _UNMASKED,
            _FACE_COUNTS,
        ),
        "mask": _call(MaskFields, settings, f"The masks; JSON {wish}", masks, [FACES]),
        "faces": _call(FacesFields, settings, "The faces", _json(FacesAnswer)),
    }


NOT_READY = _problems(500, 503)
METRICS: dict[int | str, Json] = NOT_READY | {
    200: _answer("Prometheus text", {"text/plain": {"schema": {"type": "string"}}})
}


def openapi(app: FastAPI) -> Json:
    """The document, built only once."""
    if not app.openapi_schema:
        document = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        _, definitions = models_json_schema(
            [
                (model, "serialization")
                for model in (UnmaskAnswer, MaskAnswer, FacesAnswer, StageEvent, Problem)
            ],
            ref_template=_SCHEMAS + "{model}",
        )
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas.update(definitions["$defs"])
        app.openapi_schema = document
    return app.openapi_schema
