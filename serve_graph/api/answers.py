"""Answers as a picture or as JSON, whichever the caller prefers."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

import cv2
import numpy as np
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from models.errors import BadRequestError
from models.outcome import ExaminedFace, Unmasked
from models.photo.decode import Photo
from models.photo.encode import AnswerFormat, answer_format, check_size, encode_photo
from models.pixels import Image, Mask
from serve_graph.api.exchange import Exchange
from serve_graph.api.negotiation import JSON, preferred_format
from serve_graph.api.schemas import (
    MaskAnswer,
    PictureAnswer,
    UnmaskAnswer,
    UnmaskFields,
    edited_face_answer,
    masked_face_answer,
)
from serve_graph.problems import FieldProblem, FieldsError

# Headers of a picture: how many faces the JSON would list, have `changed` and have `swapped`.
FACES, FACES_CHANGED, FACES_SWAPPED = "X-Faces", "X-Faces-Changed", "X-Faces-Swapped"
_LATER = "%"  # placeholder for a file's base64: no other text of an answer contains it
_BASE64_BYTES = 3 * 32_768  # encoded at a time; a multiple of 3: only the last piece is padded


@dataclass(frozen=True)
class Encoding:
    """How the pictures of an answer are written."""

    format: AnswerFormat
    quality: int
    icc_profile: bytes | None

    @classmethod
    def of(
        cls, request: Request, photo: Photo, fields: UnmaskFields, default_quality: int
    ) -> "Encoding":
        """What the caller asked for; by default the photo's own format and the given quality.

        Raises:
            FieldsError: the format can't hold a picture of the photo's size.
        """
        wanted = fields.format or preferred_format(request, answer_format(photo.format))
        try:
            check_size(photo.pixels, wanted)
        except BadRequestError as error:
            raise FieldsError([FieldProblem(field="format", detail=str(error))]) from None
        return cls(wanted, fields.quality or default_quality, photo.icc_profile)

    @property
    def media_type(self) -> str:
        return f"image/{self.format}"

    def encode(self, pixels: Image, face_changed: bool) -> bytes:
        """The encoded file. This is slow: call it in a thread."""
        return encode_photo(
            pixels,
            format=self.format,
            quality=self.quality,
            icc_profile=self.icc_profile,
            face_changed=face_changed,
        )


async def unmask_picture(result: Unmasked, encoding: Encoding, exchange: Exchange) -> Response:
    """The best result as a picture; headers say how many faces it has, and what became of them."""
    with exchange.clock.measure("encode"):
        content = await exchange.threads.run(encoding.encode, result.pixels, result.changed)
    counts = {
        FACES: len(result.faces),
        FACES_CHANGED: sum(one.painted is not None for one in result.faces),
        FACES_SWAPPED: sum(one.swapped is not None for one in result.faces),
    }
    headers = {name: str(count) for name, count in counts.items()}
    return Response(content, headers=headers, media_type=encoding.media_type)


async def unmask_json(
    result: Unmasked,
    encoding: Encoding,
    exchange: Exchange,
    asked: int,
    frame: tuple[bytes, bytes] = (b"", b""),
) -> bytes:
    """All results and what was found, as JSON.

    Args:
        result: its list of candidates is emptied.
        asked: number of candidates that the caller asked for.
        frame: bytes to put before and after the JSON.
    """

    async def encoded(pixels: Image) -> bytes:
        return await exchange.threads.run(encoding.encode, pixels, result.changed)

    height, width = result.painted.shape[:2]
    candidates: list[bytes] = []
    with exchange.clock.measure("encode"):
        while result.candidates:  # pixels and files of all would take twice the memory
            candidates.append(await encoded(result.candidates.pop(0)))
        swapped = [] if result.swapped is None else [await encoded(result.swapped)]
    picture = PictureAnswer(media_type=encoding.media_type, base64=_LATER)
    answer = UnmaskAnswer(
        width=width,
        height=height,
        timings=exchange.timings_ms(),
        faces=[edited_face_answer(one) for one in result.faces],
        painted=picture,
        swapped=picture if swapped else None,
        candidates=[picture] * len(candidates) if asked > 1 else None,
    )
    files = [candidates[0], *swapped, *(candidates if asked > 1 else [])]
    return await exchange.threads.run(write_json, answer, files, frame)


async def mask_answer(
    faces: list[ExaminedFace], mask: Mask, as_json: bool, exchange: Exchange
) -> Response:
    """The masks as a PNG of the photo's size, a header with the number of faces; or as JSON."""
    with exchange.clock.measure("encode"):
        content = await exchange.threads.run(_mask_png, mask)
    if not as_json:
        return Response(content, headers={FACES: str(len(faces))}, media_type="image/png")
    answer = MaskAnswer(
        width=mask.shape[1],
        height=mask.shape[0],
        timings=exchange.timings_ms(),
        faces=[masked_face_answer(one) for one in faces],
        mask=PictureAnswer(media_type="image/png", base64=_LATER),
    )
    body = await exchange.threads.run(write_json, answer, [content])
    return Response(body, media_type=JSON)


def _mask_png(mask: Mask) -> bytes:
    content: bytes = cv2.imencode(".png", mask.astype(np.uint8) * 255)[1].tobytes()
    return content


def write_json(
    answer: BaseModel, files: Sequence[bytes], frame: tuple[bytes, bytes] = (b"", b"")
) -> bytes:
    """The JSON of `answer`, with these files as its pictures. This is slow: call it in a thread.

    Base64 is written in pieces, so that a large file's is in memory only once, in the result.
    """
    before, after = frame
    first, *rest = answer.model_dump_json().split(f'"{_LATER}"')
    out = BytesIO()
    out.write(before + first.encode())
    for file, text in zip(files, rest, strict=True):
        out.write(b'"')
        for start in range(0, len(file), _BASE64_BYTES):
            out.write(base64.b64encode(memoryview(file)[start : start + _BASE64_BYTES]))
        out.write(b'"' + text.encode())
    out.write(after)
    return out.getvalue()
