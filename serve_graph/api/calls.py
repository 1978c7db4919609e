"""The four calls that take a photo."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from models.choices import FaceChoice
from models.errors import BadRequestError, NoFaceError, NoMaskError
from models.landmarks.guess import AS_GUESSED, Wish
from models.outcome import Unmasked, photo_mask
from models.pipeline import Options, find_faces, find_masks
from models.pipeline import unmask as run_unmask
from serve_graph.api.answers import Encoding, mask_answer, unmask_json, unmask_picture
from serve_graph.api.events import EventsResponse, EventStream, frame
from serve_graph.api.exchange import Exchange, exchange_of
from serve_graph.api.failures import answer_to
from serve_graph.api.intake import Call, Intake, TimeoutMs
from serve_graph.api.negotiation import JSON, asked_in_query, preferred
from serve_graph.api.schemas import (
    FacesAnswer,
    FacesFields,
    MaskFields,
    StageEvent,
    SwapFields,
    UnmaskFields,
    face_answer,
)
from serve_graph.problems import FieldProblem, FieldsError
from serve_graph.service import Service

Work = Callable[[Call[UnmaskFields], int], Awaitable[Unmasked]]  # of so many candidates


class Calls:
    """Answers /v1/*. One per app, since it limits what runs at the same time."""

    def __init__(self, service: Service) -> None:
        self._service, self._settings = service, service.settings
        self._intake = Intake(service)

    async def unmask(self, request: Request, timeout_ms: TimeoutMs = None) -> Response:
        """The photo with every masked face unmasked; bare faces stay as they are."""
        return await self._painted(request, timeout_ms, UnmaskFields, self._unmask)

    async def swap(self, request: Request, timeout_ms: TimeoutMs = None) -> Response:
        """The photo with the reference's lower face where the mask was."""
        return await self._painted(request, timeout_ms, SwapFields, self._swap)

    async def mask(self, request: Request, timeout_ms: TimeoutMs = None) -> Response:
        """The masks of all faces in one picture of the photo's size: 255 = hidden, else 0."""
        answer = preferred(request, MaskFields)
        async with self._intake.open(request, timeout_ms, MaskFields) as call:
            options = self._options(call.fields.faces)
            clock, run = call.exchange.clock, call.exchange.threads.run
            stages = self._service.stages
            with _faces_told(call.exchange):
                looked = await find_masks(call.photo, stages, options, clock=clock, run=run)
            found = looked.faces
            call.exchange.faces = len(found)
            worn = [one for one in found if options.is_worn(one.finding)]
            shape = (call.photo.pixels.shape[0], call.photo.pixels.shape[1])
            mask = await call.exchange.threads.run(photo_mask, worn, shape)
            return await mask_answer(found, mask, answer == "json", call.exchange)

    async def faces(self, request: Request, timeout_ms: TimeoutMs = None) -> Response:
        """The faces in the photo, best first; the list may be empty."""
        asked_in_query(request, FacesFields.answers)
        async with self._intake.open(request, timeout_ms, FacesFields) as call:
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
        async with self._intake.open(request, timeout_ms, fields_class) as call:
            encoding = self._encoding(request, call)
            candidates = call.fields.candidates if kind == "json" else 1
            result = await work(call, candidates)
            if kind == "json":
                body = await unmask_json(result, encoding, call.exchange, candidates)
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
            async with self._intake.open(request, timeout_ms, fields_class) as call:
                encoding = self._encoding(request, call)
                exchange.streams = True
                for stage, seconds in exchange.clock.seconds.items():
                    ended(stage, seconds)
                exchange.clock.on_end = ended
                candidates, around = call.fields.candidates, frame("result")
                result = await work(call, candidates)
                event = await unmask_json(result, encoding, exchange, candidates, around)
                exchange.ready(200)
                events.put_framed(event)
        except Exception as error:
            if not exchange.streams:
                raise
            answer = answer_to(error, exchange, self._service)
            exchange.ready(answer.status_code)
            events.put("problem", bytes(answer.body).decode())
        finally:
            exchange.clock.on_end = None  # a cycle through `events`, which hold the answer

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

    async def _unmask(self, call: Call[UnmaskFields], candidates: int) -> Unmasked:
        wish = Wish(call.fields.expression, candidates)
        options = self._options(call.fields.faces, call.fields.sharpen, wish)
        with _faces_told(call.exchange):
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

    async def _swap(self, call: Call[UnmaskFields], candidates: int) -> Unmasked:
        result = await self._unmask(call, candidates)
        if not result.changed:
            raise NoMaskError("No face in the photo wears a mask: there is nothing to swap.")
        return result

    def _encoding(self, request: Request, call: Call[UnmaskFields]) -> Encoding:
        return Encoding.of(request, call.photo, call.fields, self._settings.quality)


@contextmanager
def _faces_told(exchange: Exchange) -> Iterator[None]:
    """Logs that there was no face; names the field if a face with the asked number isn't there."""
    try:
        yield
    except NoFaceError:
        exchange.faces = 0
        raise
    except BadRequestError as error:
        detail = str(error).removeprefix("faces=")
        raise FieldsError([FieldProblem(field="faces", detail=detail)]) from None
