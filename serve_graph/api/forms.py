"""Reads a request's body into pictures and fields, in memory and with limits as it streams in.

Starlette's own form parser spools files over 1 MB to disk; nothing here touches the disk.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import ValidationError
from python_multipart.multipart import parse_options_header
from starlette.requests import Request

from models.errors import NotAnImageError, TooLargeError
from serve_graph.api.parts import PartReader, Parts
from serve_graph.api.schemas import ACCEPT, FacesFields
from serve_graph.problems import CompressedBodyError, FieldProblem, FieldsError

FieldsT = TypeVar("FieldsT", bound=FacesFields)

_SLACK_BYTES = 65_536  # boundaries, part headers and fields around the photos


@dataclass
class Form(Generic[FieldsT]):
    """The fields and pictures of a request."""

    fields: FieldsT
    photos: dict[str, bytes]  # still encoded; those that the call needs are there


async def read_form(
    request: Request,
    fields_class: type[FieldsT],
    max_photo_bytes: int,
    on_bytes: Callable[[int], None],
) -> Form[FieldsT]:
    """Reads multipart/form-data, or a body that is the photo itself.

    Args:
        request: its query string may have fields too; those of the form take precedence.
        fields_class: the allowed fields and pictures; a bare body is the photo.
        max_photo_bytes: limit for one picture.
        on_bytes: called with the size of each chunk as it arrives.

    Raises:
        CompressedBodyError: it has a Content-Encoding; nothing of it is read.
        TooLargeError: over the limit; raised as soon as that is known.
        NotAnImageError: a body of another media type.
        BadFormError: not multipart, or cut off.
        FieldsError: a field is unknown, repeated or invalid, or a picture is missing.
    """
    names = list(fields_class.model_fields)
    query = Parts([], [*names, ACCEPT], max_photo_bytes)
    for name, value in request.query_params.multi_items():
        if name in fields_class.photo_names:
            problem = FieldProblem(field=name, detail="A picture: send it in the form.")
            raise FieldsError([problem])
        query.begin(name)
        if name != ACCEPT:  # already read by `asked_in_query`
            query.add(name, value.encode())
    body = Parts(fields_class.photo_names, names, max_photo_bytes)
    await _read_body(request, body, on_bytes)
    missing = [name for name in fields_class.needed if name not in body.photos]
    if missing:
        raise FieldsError(
            [FieldProblem(field=name, detail=f"The {name} is missing.") for name in missing]
        )
    return Form(_check_fields(query.fields | body.fields, fields_class), body.photos)


async def _read_body(request: Request, parts: Parts, on_bytes: Callable[[int], None]) -> None:
    coding = request.headers.get("content-encoding") or "identity"
    if coding.lower() != "identity":
        raise CompressedBodyError(f"Content-Encoding: {coding[:64]}: send the body as it is.")
    media_type, options = parse_options_header(request.headers.get("content-type"))
    if media_type == b"multipart/form-data":
        reader = PartReader(parts, options.get(b"boundary", b""))
        max_bytes = len(parts.photo_names) * parts.max_photo_bytes + _SLACK_BYTES
        with closing(reader):
            async for chunk in _bounded(request, max_bytes, parts.max_photo_bytes, on_bytes):
                reader.write(chunk)
            reader.finish()
    elif media_type.startswith(b"image/") or media_type in (b"", b"application/octet-stream"):
        body = bytearray()
        max_bytes = parts.max_photo_bytes
        async for chunk in _bounded(request, max_bytes, max_bytes, on_bytes):
            body += chunk
        parts.begin("photo")
        parts.add("photo", body)
    else:
        raise NotAnImageError(
            f"Content-Type: {media_type[:64].decode(errors='replace')}: "
            "send multipart/form-data with the picture as part `photo`, "
            "or the picture itself with its media type."
        )


async def _bounded(
    request: Request, max_bytes: int, max_photo_bytes: int, on_bytes: Callable[[int], None]
) -> AsyncIterator[bytes]:
    """The body as it arrives; one that its Content-Length says is too long isn't read at all."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > max_bytes:
        raise _too_large(max_bytes, max_photo_bytes)
    seen = 0
    async for chunk in request.stream():
        seen += len(chunk)
        on_bytes(len(chunk))
        if seen > max_bytes:
            raise _too_large(max_bytes, max_photo_bytes)
        yield chunk


def _too_large(max_bytes: int, max_photo_bytes: int) -> TooLargeError:
    return TooLargeError(
        f"A picture may have {max_photo_bytes / 1e6:.3g} MB, and the request is over "
        f"{max_bytes / 1e6:.3g} MB: send a smaller or more compressed photo."
    )


def _check_fields(fields: dict[str, str], fields_class: type[FieldsT]) -> FieldsT:
    try:
        return fields_class.model_validate(fields)
    except ValidationError as error:
        raise FieldsError(
            [FieldProblem(field=str(one["loc"][0]), detail=one["msg"]) for one in error.errors()]
        ) from None
