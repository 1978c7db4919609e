"""The OpenAPI document: what FastAPI can't see, since bodies are read and answers made by hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from models.errors import (
    BadImageError,
    ConsentError,
    DrawnMaskError,
    InputError,
    NoFaceError,
    NoMaskError,
    NotAnImageError,
    ReferencePhotoError,
    TooLargeError,
)
from serve_graph.api.events import EVENTS
from serve_graph.api.schemas import (
    FacesAnswer,
    FacesFields,
    MaskAnswer,
    MaskFields,
    StageEvent,
    UnmaskAnswer,
    UnmaskFields,
)
from serve_graph.problems import (
    MEDIA_TYPE,
    BadFormError,
    BusyError,
    DeadlineError,
    EndingError,
    FieldsError,
    NotAcceptableError,
    NotReadyError,
    Problem,
    ServiceError,
)

Json = dict[str, Any]

PROBLEMS: tuple[type[InputError | ServiceError], ...] = (
    BadImageError,
    BadFormError,
    NotAcceptableError,
    TooLargeError,
    NotAnImageError,
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

ABOUT = (
    """Takes the mask off a face in a photo.

Errors are RFC 9457 problems (`application/problem+json`); `type` is stable, `instance` is the
request's id. Every answer carries `X-Request-ID`, `Server-Timing` and `X-Model-Version`.

| status | type | title |
|---|---|---|
"""
    + "\n".join(f"| {one.status} | `/problems/{one.slug}` | {one.title} |" for one in PROBLEMS)
    + "\n| 500 | `/problems/internal` | Internal error |\n"
)

_SCHEMAS = "#/components/schemas/"
_HEADERS = {
    name: {"description": text, "schema": {"type": "string"}}
    for name, text in {
        "X-Request-ID": "The request's own, or a new one",
        "Server-Timing": "Milliseconds by stage",
        "X-Model-Version": "Of the weights",
    }.items()
}
_PICTURE = {"type": "string", "format": "binary"}
_ABOUT_PICTURES = {
    "mask": "Of the upright photo's size: what is white is painted, instead of what is found",
    "reference": "The person without a mask: needs `consent`",
}


@dataclass(frozen=True)
class Described:
    """What FastAPI is told of a call."""

    responses: dict[int | str, Json]
    request: Json


def _ref(model: type[BaseModel]) -> Json:
    return {"$ref": _SCHEMAS + model.__name__}


def _answer(description: str, content: Json) -> Json:
    return {"description": description, "headers": _HEADERS, "content": content}


def _problems(*statuses: int) -> dict[int | str, Json]:
    titles: dict[int, list[str]] = {500: ["Internal error"]}
    for one in PROBLEMS:
        titles.setdefault(one.status, []).append(one.title)
    content = {MEDIA_TYPE: {"schema": _ref(Problem)}}
    return {status: _answer("; ".join(titles[status]), content) for status in statuses}


def _request(fields: type[FacesFields], required: Sequence[str]) -> Json:
    """Body and query of a call: the fields may stand in either."""
    properties = fields.model_json_schema()["properties"]
    query = [
        {"name": name, "in": "query", "required": False, "schema": schema}
        for name, schema in properties.items()
    ]
    form = {
        "type": "object",
        "properties": {name: _picture(name) for name in fields.photo_names} | properties,
        "required": required,
        "additionalProperties": False,
    }
    content = {"multipart/form-data": {"schema": form}}
    if list(required) == ["photo"]:
        content["image/*"] = {"schema": _PICTURE}
    return {"requestBody": {"required": True, "content": content}, "parameters": query}


def _picture(name: str) -> Json:
    return _PICTURE | ({"description": _ABOUT_PICTURES[name]} if name in _ABOUT_PICTURES else {})


def _call(
    fields: type[FacesFields],
    description: str,
    content: Json,
    required: Sequence[str] = ("photo",),
) -> Described:
    answers: dict[int | str, Json] = {200: _answer(description, content)}
    problems = _problems(400, 413, 415, 422, 500, 503, 504)
    if len(content) > 1:
        problems |= _problems(406)
    return Described(answers | problems, _request(fields, required))


def _pictures(*formats: str) -> Json:
    return {f"image/{one}": {"schema": _PICTURE} for one in formats}


def _json(model: type[BaseModel]) -> Json:
    return {"application/json": {"schema": _ref(model)}}


_EVENTS: Json = {
    EVENTS: {
        "schema": {
            "type": "string",
            "description": "An event `stage` as each stage ends, its data a StageEvent; at the end "
            "`result` with an UnmaskAnswer, or `problem` with a Problem. What is wrong before the "
            "pictures are decoded has its own status, as ever.",
        },
        "example": 'event: stage\ndata: {"stage":"crop","ms":21.4}\n\n',
    }
}
_UNMASKED = _pictures("jpeg", "png", "webp") | _json(UnmaskAnswer) | _EVENTS
CALLS = {
    "unmask": _call(
        UnmaskFields, "The unmasked photo; JSON or events where Accept says so", _UNMASKED
    ),
    "swap": _call(
        UnmaskFields,
        "The photo with the own face; JSON or events where Accept says so",
        _UNMASKED,
        required=("photo", "reference", "consent"),
    ),
    "mask": _call(
        MaskFields, "The masks; JSON where Accept says so", _pictures("png") | _json(MaskAnswer)
    ),
    "faces": _call(FacesFields, "The faces", _json(FacesAnswer)),
}
NOT_READY = _problems(500, 503)
METRICS: dict[int | str, Json] = NOT_READY | {
    200: _answer("Prometheus text", {"text/plain": {"schema": {"type": "string"}}})
}


def openapi(app: FastAPI) -> Json:
    """The document, made once."""
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
