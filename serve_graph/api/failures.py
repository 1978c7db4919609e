"""Unexpected errors: the traceback is logged, the caller gets a problem with the request's id."""

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve_graph.api.exchange import Exchange, exchange_of
from serve_graph.api.transfers import StalledError
from serve_graph.logs import log
from serve_graph.problems import problem


def log_failure(exchange: Exchange) -> Response:
    """Logs the exception being handled; returns the answer for the caller."""
    log.exception("Request %s failed.", exchange.request_id)
    detail = "Something went wrong: the service's log has the details under the request's id."
    return problem("internal", "Internal error", 500, exchange.request_id, detail=detail)


class FailureMiddleware:
    """Answers unexpected errors; inside CORS, so that pages of allowed origins can read it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_begun = False

        async def send_noted(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, send_noted)
        except (ClientDisconnect, StalledError):
            raise
        except Exception:
            answer = log_failure(exchange_of(Request(scope)))
            if has_begun:
                raise  # the answer has begun: only the server can cut it off
            await answer(scope, receive, send)
