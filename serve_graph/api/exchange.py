"""What every request gets: headers, metrics, a line in the log; Serve gives it an id."""

import asyncio
import time
import uuid
from collections.abc import Collection
from dataclasses import dataclass, field

from fastapi.routing import APIRoute
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.clock import Clock
from serve_graph import package_version
from serve_graph.api.sending import Outgoing
from serve_graph.api.threads import Threads
from serve_graph.api.transfers import StalledError
from serve_graph.logs import RequestRecord, log, log_request
from serve_graph.service import Service
from serve_graph.tracing import end_request, make_clock, trace_id_of, trace_request

_CLIENT_GONE = 499  # nginx's code for a client that is gone: the answer wasn't sent in full


@dataclass
class Exchange:
    """A request that is being answered."""

    request_id: str
    clock: Clock = field(default_factory=make_clock)
    threads: Threads = field(default_factory=Threads)
    faces: int | None = None  # chosen of those in the photo; None if it wasn't searched
    # Its status, and the seconds until it was ready to be sent: without the time that the client
    # took to read it, since a slow client isn't a slow service.
    answer: tuple[int, float] | None = None
    streams: bool = False  # events are sent before the answer is ready
    _start: float = field(default_factory=time.perf_counter)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the request arrived."""
        return time.perf_counter() - self._start

    def ready(self, status: int) -> None:
        """Says that the answer is ready to be sent; the first call counts."""
        self.answer = self.answer or (status, self.elapsed_s)

    def timings_ms(self, total_s: float | None = None) -> dict[str, float]:
        """Milliseconds by stage so far; the total is the time until now unless given."""
        seconds = {**self.clock.seconds, "total": self.elapsed_s if total_s is None else total_s}
        return {stage: round(1000 * spent, 1) for stage, spent in seconds.items()}


def exchange_of(request: Request) -> Exchange:
    """The exchange that `ExchangeMiddleware` started for this request."""
    found: Exchange = request.state.exchange
    return found


class ExchangeMiddleware:
    """Starts and ends the exchange of each request.

    Plain ASGI, so that cancelling a request cancels everything inside it.

    Args:
        app: answers the requests.
        service: counts and describes them.
        uncounted: routes that are counted as `other`.
    """

    def __init__(self, app: ASGIApp, service: Service, uncounted: Collection[str]) -> None:
        self._app, self._service, self._uncounted = app, service, uncounted
        self._outgoing = Outgoing()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        # Serve has put it into its log, and will put it into the answer: ours must be the same.
        exchange = Exchange(headers.get("x-request-id") or str(uuid.uuid4()))
        scope.setdefault("state", {})["exchange"] = exchange
        with self._service.draining.request(), trace_request(headers):
            await self._answer(exchange, scope, receive, send)

    async def _answer(self, exchange: Exchange, scope: Scope, receive: Receive, send: Send) -> None:
        cut_off: int | None = _CLIENT_GONE
        is_docs = _is_docs(scope)  # now: mounts change its root_path

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                if not exchange.streams:
                    exchange.ready(message["status"])
                self._add_headers(message, exchange)
                caching = "no-cache" if is_docs and message["status"] < 400 else "no-store"
                MutableHeaders(scope=message).setdefault("Cache-Control", caching)
            await self._outgoing.send(send, message)

        try:
            await self._app(scope, receive, send_with_headers)
            cut_off = None
        except ClientDisconnect:
            log.info("The client of request %s is gone.", exchange.request_id)
        except StalledError:
            log.info(
                "The client of request %s read its answer too slowly: the answer was cut off.",
                exchange.request_id,
            )
        except asyncio.CancelledError as error:
            # Serve keeps the cancelled task, and the frames of its traceback would keep the photo.
            error.__traceback__ = None
            raise
        except Exception:
            cut_off = 500
            raise
        finally:
            self._end(exchange, scope, cut_off)

    def _end(self, exchange: Exchange, scope: Scope, cut_off: int | None) -> None:
        """Records what became of the request; `cut_off` is its status if it wasn't sent in full."""
        method, route = scope["method"], _route(scope)
        status, seconds = exchange.answer or (_CLIENT_GONE, exchange.elapsed_s)
        code = status if cut_off is None else cut_off
        upload_s = exchange.clock.seconds.get("upload", 0.0)  # a slow client, too
        is_answered = exchange.answer is not None
        counted = "other" if route in self._uncounted else route
        self._service.recorder.request(counted, code, max(0.0, seconds - upload_s), is_answered)
        end_request(method, route, code, exchange.faces)
        log_request(
            RequestRecord(
                exchange.request_id,
                trace_id_of(Headers(scope=scope)),
                method,
                route,
                code,
                exchange.faces,
                exchange.timings_ms(seconds),
                package_version(),
                self._service.model_version,
            )
        )

    def _add_headers(self, message: Message, exchange: Exchange) -> None:
        headers = MutableHeaders(scope=message)
        headers["X-Model-Version"] = self._service.model_version
        if self._service.draining.has_begun:
            headers["Connection"] = "close"  # the next request goes to another replica
        headers["Server-Timing"] = ", ".join(
            f"{stage};dur={spent}" for stage, spent in exchange.timings_ms().items()
        )


def _is_docs(scope: Scope) -> bool:
    path: str = scope["path"].removeprefix(scope.get("root_path", ""))
    return path.startswith(("/docs", "/openapi.json"))


def _route(scope: Scope) -> str:
    """The route's template; "other" for static files and unknown paths.

    The raw path would create a new time series for every value.
    """
    route = scope.get("route")
    return route.path if isinstance(route, APIRoute) else "other"
