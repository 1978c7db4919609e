"""Takes requests in: receives the body and decodes its pictures, within deadline and limits."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Generic

from fastapi import Header
from pydantic import WithJsonSchema
from starlette.requests import Request

from models.errors import InputError
from models.mask.drawn import to_drawn_mask
from models.photo.decode import Photo, decode_photo
from models.pixels import Mask
from serve_graph.api.exchange import Exchange, exchange_of
from serve_graph.api.forms import FieldsT, Form, read_form
from serve_graph.api.gate import Gate
from serve_graph.api.places import Places
from serve_graph.api.schemas import UnmaskFields
from serve_graph.api.transfers import expiring
from serve_graph.problems import ConsentError, DeadlineError, FieldProblem
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


class Intake:
    """Opens requests; one per app, since it limits what runs at the same time."""

    def __init__(self, service: Service) -> None:
        self._settings = service.settings
        self._gate = Gate(
            UPLOADS_PER_PLACE * self._settings.max_requests,
            Places(self._settings.max_requests, self._settings.max_standing),
            self._settings.photos_at_once,
            service.draining,
            service.recorder,
        )

    @asynccontextmanager
    async def open(
        self, request: Request, timeout_ms: int | None, fields_class: type[FieldsT]
    ) -> AsyncIterator[Call[FieldsT]]:
        """Context for a request: its pictures are decoded, and its place is taken, until the end.

        Args:
            request: nothing of its body was read.
            timeout_ms: what the caller allows from the request's arrival to the block's end.
            fields_class: the fields and pictures that the call takes.

        Raises:
            InputError, ServiceError: it is refused, or its time is up.
        """
        exchange = exchange_of(request)
        seconds = self._seconds(timeout_ms)
        form = await self._receive(request, fields_class, seconds)
        _check_consent(form)
        detail = f"No answer within {seconds:g} s: {self._advice(seconds)}."
        deadline = expiring(
            asyncio.timeout(seconds - exchange.elapsed_s), partial(DeadlineError, detail)
        )
        async with deadline, self._gate.photo(exchange.threads):
            with exchange.clock.measure("decode"):
                photo = await self._decode(form.photos.pop("photo"), exchange)
                reference = await self._decode_if_there("reference", form, exchange)
                mask = await self._decode_if_there("mask", form, exchange)
                drawn = await exchange.threads.run(to_drawn_mask, mask.pixels) if mask else None
            yield Call(form.fields, photo, reference, drawn, exchange)

    def _seconds(self, timeout_ms: int | None) -> float:
        if timeout_ms is None:
            return min(self._settings.default_timeout_s, self._settings.max_timeout_s)
        # Capped before the division: a huge integer doesn't fit a float.
        return min(timeout_ms, 1000 * self._settings.max_timeout_s) / 1000

    def _advice(self, seconds: float) -> str:
        """What helps if so many seconds weren't enough."""
        if seconds < self._settings.max_timeout_s:
            return "allow more time with X-Request-Timeout-Ms, or send a smaller photo"
        return "send a smaller photo, or try again later"

    async def _receive(
        self, request: Request, fields_class: type[FieldsT], seconds: float
    ) -> Form[FieldsT]:
        exchange, max_bytes = exchange_of(request), self._settings.limits.max_bytes
        left_s = seconds - exchange.elapsed_s
        advice = self._advice(seconds) if left_s < MAX_UPLOAD_S else "send a smaller photo"
        async with self._gate.upload(min(MAX_UPLOAD_S, left_s), advice) as body:
            with exchange.clock.measure("upload"):
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


def _check_consent(form: Form[FieldsT]) -> None:
    if not isinstance(form.fields, UnmaskFields) or "reference" not in form.photos:
        return
    if not form.fields.consent:
        detail = "A reference needs consent=true: the person in it agrees to its use."
        raise ConsentError([FieldProblem(field="consent", detail=detail)])
