"""The four calls that take a photo."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Generic

from fastapi import Header
from pydantic import WithJsonSchema
from starlette.requests import Request
from starlette.responses import Response

from models.errors import ConsentError, InputError, NoMaskError
from models.landmarks.guess import AS_GUESSED, Wish
from models.outcome import ExaminedFace, Unmasked, photo_mask
from models.photo.decode import Photo, decode_photo, to_drawn_mask
from models.pipeline import Options, find_faces, find_masks
from models.pipeline import unmask as run_unmask
from models.pixels import Mask
from serve_graph.api.answers import Encoding, mask_answer, unmask_json, unmask_picture
from serve_graph.api.events import EventsResponse, EventStream, frame
from serve_graph.api.exchange import Exchange, exchange_of
from serve_graph.api.failures import log_failure
from serve_graph.api.forms import FieldsT, Form, read_form
from serve_graph.api.gate import Gate, deadline
from serve_graph.api.negotiation import JSON, asked_in_query, preferred
from serve_graph.api.places import Places
from serve_graph.api.schemas import (
    FacesAnswer,
    FacesFields,
    MaskFields,
    StageEvent,
    SwapFields,
    UnmaskFields,
    face_answer,
)
from serve_graph.face_choice import FaceChoice
from serve_graph.problems import ServiceError, problem_of
from serve_graph.service import Service
from serve_graph.settings import UPLOADS_PER_PLACE

MAX_UPLOAD_S = 60.0

TimeoutMs = Annotated[
    int | None,
    Header(
        alias="X-Request-Timeout-Ms",
        ge=1,
        description="How long the answer may take, including the upload. When the time is up: 400 "
        "during the upload, 504 after it. Capped by the operator.",
    ),
    WithJsonSchema({"type": "integer", "minimum": 1}),
]


@dataclass(frozen=True)
class Call(Generic[FieldsT]):
    """A request whose pictures are decoded."""

    fields: FieldsT
    photo: Photo
    reference: Photo | None
    drawn: Mask | None  # must have the photo's size; the pipeline checks that
    exchange: Exchange


Work = Callable[[Call[UnmaskFields]], Awaitable[Unmasked]]


class Calls:
    """Answers /v1/*. One per app, since it limits what runs at the same time."""

    def __init__(self, service: Service) -> None:
        self._service, self._settings = service, service.settings
        self._gate = Gate(
            UPLOADS_PER_PLACE * self._settings.max_requests,
            Places(self._settings.max_requests, self._settings.max_standing),
            self._settings.photos_at_once,
            service.draining,
            service.recorder,
        )

    async def unmask(self, request: Request, timeout_ms: TimeoutMs = None) -> Response:
        """The photo with every masked face unmasked; bare faces stay as they are."""
        return await self._painted(request, timeout_ms, UnmaskFields, self._unmask)

    async def swap(self, request: Request, timeout_ms: TimeoutMs = None) -> Response:
        """The photo with the reference's lower face where the mask was."""
        return await self._painted(request, timeout_ms, SwapFields, self._swap)

    async def mask(self, request: Request, timeout_ms: TimeoutMs = None) -> Response:
        """The masks of all faces in one picture of the photo's size: 255 = hidden, else 0."""
        answer = preferred(request, MaskFields)
        async with self._open(request, timeout_ms, MaskFields) as call:
            options = self._options(call.fields.faces)
            clock, run = call.exchange.clock, call.exchange.threads.run
            stages = self._service.stages
            looked = await find_masks(call.photo, stages, options, clock=clock, run=run)
            found = looked.faces
            call.exchange.faces = len(found)
            worn = [one for one in found if self._is_worn(one)]
            shape = (call.photo.pixels.shape[0], call.photo.pixels.shape[1])
            mask = await call.exchange.threads.run(photo_mask, worn, shape)
            return await mask_answer(found, mask, answer == "json", call.exchange)

    async def faces(self, request: Request, timeout_ms: TimeoutMs = None) -> Response:
        """The faces in the photo, best first; the list may be empty."""
        asked_in_query(request, FacesFields.answers)
        async with self._open(request, timeout_ms, FacesFields) as call:
            clock, run = call.exchange.clock, call.exchange.threads.run
            found = await find_faces(call.photo, self._service.stages, self._options(), clock, run)
            call.exchange.faces = len(found)
            height, width = call.photo.pixels.shape[:2]
            answer = FacesAnswer(
                width=width,
                height=height,
                timings=call.exchange.timings_ms(),
                faces=[face_answer(index, face) for index, face in enumerate(found)],
            )
            return Response(answer.model_dump_json(), media_type=JSON)

    async def _painted(
        self,
        request: Request,
        timeout_ms: int | None,
        fields_class: type[UnmaskFields],
        work: Work,
    ) -> Response:
        """Answers a call that paints, in the form that the caller prefers."""
        kind = preferred(request, fields_class)
        if kind == "events":
            return EventsResponse(partial(self._tell, request, timeout_ms, fields_class, work))
        async with self._open(request, timeout_ms, fields_class) as call:
            encoding = self._encoding(request, call)
            result = await work(call)
            if kind == "json":
                body = await unmask_json(result, encoding, call.exchange, call.fields.candidates)
                return Response(body, media_type=JSON)
            return await unmask_picture(result, encoding, call.exchange)

    async def _tell(
        self,
        request: Request,
        timeout_ms: int | None,
        fields_class: type[UnmaskFields],
        work: Work,
        events: EventStream,
    ) -> None:
        """The same as a stream of events, which starts once the pictures are decoded."""

        def ended(stage: str, seconds: float) -> None:
            events.put("stage", StageEvent(stage=stage, ms=round(1000 * seconds, 1)))

        exchange = exchange_of(request)
        try:
            async with self._open(request, timeout_ms, fields_class) as call:
                encoding = self._encoding(request, call)
                for stage, seconds in exchange.clock.seconds.items():
                    ended(stage, seconds)
                exchange.clock.on_end = ended
                result = await work(call)
                candidates, around = call.fields.candidates, frame("result")
                events.put_framed(await unmask_json(result, encoding, exchange, candidates, around))
        except Exception as error:
            if not events.has_begun:
                raise
            answer = self._problem(error, exchange)
            exchange.told = answer.status_code
            events.put("problem", bytes(answer.body).decode())
        finally:
            exchange.clock.on_end = None  # a cycle through `events`, which hold the answer

    def _problem(self, error: Exception, exchange: Exchange) -> Response:
        if isinstance(error, InputError | ServiceError):
            self._service.recorder.rejected(error.slug)
            return problem_of(error, exchange.request_id, self._settings.retry_after_s)
        return log_failure(exchange)

    @asynccontextmanager
    async def _open(
        self,
        request: Request,
        timeout_ms: int | None,
        fields_class: type[FieldsT],
    ) -> AsyncIterator[Call[FieldsT]]:
        """Receives and decodes the request, within its deadline and the replica's limits."""
        exchange = exchange_of(request)
        seconds = self._seconds(timeout_ms)
        form = await self._receive(request, fields_class, seconds - exchange.elapsed_s)
        _check_consent(form)
        detail = f"No answer within {seconds:g} s: send a smaller photo, or try again later."
        left_s = seconds - exchange.elapsed_s
        async with deadline(left_s, detail), self._gate.photo(exchange.threads):
            with exchange.clock.measure("decode"):
                photo = await self._decode(form.photos.pop("photo"), exchange)
                reference = await self._decode_if_there("reference", form, exchange)
                mask = await self._decode_if_there("mask", form, exchange)
                drawn = await exchange.threads.run(to_drawn_mask, mask) if mask else None
            yield Call(form.fields, photo, reference, drawn, exchange)

    def _seconds(self, timeout_ms: int | None) -> float:
        if timeout_ms is None:
            return min(self._settings.default_timeout_s, self._settings.max_timeout_s)
        # Capped before the division: a huge integer doesn't fit a float.
        return min(timeout_ms, 1000 * self._settings.max_timeout_s) / 1000

    async def _receive(
        self, request: Request, fields_class: type[FieldsT], left_s: float
    ) -> Form[FieldsT]:
        max_bytes = self._settings.limits.max_bytes
        async with self._gate.upload(min(MAX_UPLOAD_S, left_s)) as body:
            with exchange_of(request).clock.measure("upload"):
                return await read_form(request, fields_class, max_bytes, body.moved)

    async def _decode(self, data: bytes, exchange: Exchange) -> Photo:
        return await exchange.threads.run(decode_photo, data, self._settings.limits)

    async def _decode_if_there(
        self, name: str, form: Form[FieldsT], exchange: Exchange
    ) -> Photo | None:
        if name not in form.photos:
            return None
        try:
            return await self._decode(form.photos.pop(name), exchange)
        except InputError as error:
            raise type(error)(f"{name}: {error}") from error

    def _options(
        self, faces: FaceChoice = "all", sharpen: bool = False, wish: Wish = AS_GUESSED
    ) -> Options:
        return Options(
            faces=faces,
            sharpen=sharpen,
            wish=wish,
            max_faces=self._settings.max_faces,
            at_once=self._settings.at_once,
            min_probability=self._settings.min_probability,
        )

    def _is_worn(self, one: ExaminedFace) -> bool:
        return one.finding.probability >= self._settings.min_probability

    async def _unmask(self, call: Call[UnmaskFields]) -> Unmasked:
        wish = Wish(call.fields.expression, call.fields.candidates)
        options = self._options(call.fields.faces, call.fields.sharpen, wish)
        result = await run_unmask(
            call.photo,
            self._service.stages,
            options,
            call.reference,
            call.drawn,
            call.exchange.clock,
            call.exchange.threads.run,
        )
        call.exchange.faces = len(result.faces)
        changed = sum(one.painted is not None for one in result.faces)
        swapped = sum(one.swapped is not None for one in result.faces)
        self._service.recorder.faces("swapped", swapped)
        self._service.recorder.faces("unmasked", changed - swapped)
        self._service.recorder.faces("bare", len(result.faces) - changed)
        return result

    async def _swap(self, call: Call[UnmaskFields]) -> Unmasked:
        result = await self._unmask(call)
        if not result.changed:
            raise NoMaskError("No face in the photo wears a mask: there is nothing to swap.")
        return result

    def _encoding(self, request: Request, call: Call[UnmaskFields]) -> Encoding:
        return Encoding.of(request, call.photo, call.fields, self._settings.quality)


def _check_consent(form: Form[FieldsT]) -> None:
    if not isinstance(form.fields, UnmaskFields) or "reference" not in form.photos:
        return
    if not form.fields.consent:
        raise ConsentError("A reference needs consent=true: the person in it agrees to its use.")
