"""Errors of the HTTP side, and errors as RFC 9457 problem details.

Mask2FaceError
├── InputError (models.errors)  each class names its status
│   ├── BadFormError        400  the multipart body can't be read
│   ├── SlowUploadError     400  the body didn't arrive in time
│   ├── OtherOriginError    403  a page of an origin that isn't allowed
│   ├── NotAcceptableError  406  none of the accepted media types is available
│   ├── CompressedBodyError 415  the body has a Content-Encoding
│   └── FieldsError         422  fields that can't be used, each named
│       └── ConsentError    422  a reference photo without consent=true
└── ServiceError            ours; each class names its status
    ├── TryLaterError       503  Retry-After says when
    │   ├── BusyError       503  the service is full
    │   ├── EndingError     503  the service is shutting down
    │   └── NotReadyError   503  a stage hasn't started
    └── DeadlineError       504  the request took longer than allowed
"""

import math
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict
from starlette.responses import JSONResponse, Response

from models.errors import BadRequestError, InputError, Mask2FaceError

MEDIA_TYPE = "application/problem+json"


class FieldProblem(BaseModel):
    """What is wrong with one field or header."""

    field: str
    detail: str


class Problem(BaseModel):
    """RFC 9457; `type` is stable, `detail` is for people."""

    model_config = ConfigDict(json_schema_extra={"required": ["type", "title", "status"]})

    type: str
    title: str
    status: int
    detail: str | None = None
    instance: str | None = None  # the request's id
    errors: list[FieldProblem] | None = None
    stages: dict[str, bool] | None = None
    retry_after: int | None = None  # s; as in the header, which an event stream can't have


class BadFormError(InputError):
    slug = "bad-form"
    title = "The multipart form can't be read"


class SlowUploadError(InputError):
    status = 400  # not 408: Chromium and OkHttp would send the same upload again by themselves
    slug = "slow-upload"
    title = "The upload was too slow"


class OtherOriginError(InputError):
    status = 403
    slug = "other-origin"
    title = "Pages of this origin may not call"


class NotAcceptableError(InputError):
    status = 406
    slug = "not-acceptable"
    title = "None of the accepted types is available"


class CompressedBodyError(InputError):
    status = 415
    slug = "compressed-body"
    title = "The body is compressed"
    headers: ClassVar = {"Accept-Encoding": "identity"}  # RFC 9110, 12.5.3


class FieldsError(BadRequestError):
    """Fields of a request that can't be used as they are."""

    def __init__(self, errors: list[FieldProblem]) -> None:
        super().__init__(errors)
        self.errors = errors

    def __str__(self) -> str:
        return "; ".join(f"{one.field}: {one.detail}" for one in self.errors)


class ConsentError(FieldsError):
    slug = "missing-consent"
    title = "Consent is missing"


class ServiceError(Mask2FaceError):
    """The service can't answer now."""

    status = 503
    slug = "unavailable"
    title = "The service can't answer"


class TryLaterError(ServiceError):
    """Nothing is wrong with the request: the same one may be answered later."""

    reason = "The service can't answer now"

    def __str__(self) -> str:
        return self.reason


class BusyError(TryLaterError):
    slug = "busy"
    title = "The service is full"
    reason = "Too many requests at once"


class EndingError(TryLaterError):
    """The service is shutting down: it only answers requests that it has already accepted."""

    slug = "ending"
    title = "The service is shutting down"
    reason = "No new requests are accepted"


class NotReadyError(TryLaterError):
    """A stage isn't ready.

    Args:
        stages: by name, whether the stage is ready.
    """

    slug = "not-ready"
    title = "The service isn't ready"

    def __init__(self, stages: dict[str, bool]) -> None:
        super().__init__(stages)
        self.stages = stages

    def __str__(self) -> str:
        return "Not ready: " + ", ".join(name for name, ready in self.stages.items() if not ready)


class DeadlineError(ServiceError):
    status = 504
    slug = "deadline"
    title = "The deadline has passed"


def problem_of(error: InputError | ServiceError, request_id: str, retry_after_s: float) -> Response:
    """The HTTP answer to an error of this project.

    Args:
        error: what to tell the caller.
        request_id: the request's id in the log.
        retry_after_s: when to try again if the service can't answer now.
    """
    detail, headers, retry_after = str(error), dict(getattr(error, "headers", {})), None
    if isinstance(error, TryLaterError):
        retry_after = math.ceil(retry_after_s)
        headers["Retry-After"] = str(retry_after)
        detail = f"{detail}: try again in {retry_after} s."
    return problem(
        error.slug,
        error.title,
        error.status,
        request_id,
        headers=headers,
        detail=detail,
        errors=getattr(error, "errors", None),
        stages=getattr(error, "stages", None),
        retry_after=retry_after,
    )


def problem(
    slug: str,
    title: str,
    status: int,
    request_id: str,
    headers: Mapping[str, str] | None = None,
    **members: Any,
) -> Response:
    """An `application/problem+json` answer.

    Args:
        slug: names the kind of problem; `type` is "/problems/" followed by it.
        title: the same for all problems of the kind.
        status: HTTP status.
        request_id: the request's id in the log.
        headers: additional headers of the answer.
        members: additional members of `Problem`.
    """
    content = Problem(
        type=f"/problems/{slug}", title=title, status=status, instance=request_id, **members
    )
    return JSONResponse(
        content.model_dump(exclude_none=True), status, headers=headers, media_type=MEDIA_TYPE
    )
