"""What nobody expected: its traceback goes to the log, the caller gets a problem with the id."""

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve_graph.api.exchange import Exchange, exchange_of
from serve_graph.api.transfers import StalledError
from serve_graph.logs import log
from serve_graph.problems import problem


def log_failure(exchange: Exchange) -> Response:
    """Logs the exception that is being handled; returns what the caller is told of it."""
    log.exception("Request %s failed.", exchange.request_id)
    detail = "Something went wrong here; the log knows it by the request's id."
    return problem("internal", "Internal error", 500, exchange.request_id, detail=detail)


class FailureMiddleware:
    """Answers what failed; inside CORS, so that pages of allowed origins can read it too."""

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
                raise  # only the server can break it off
            await answer(scope, receive, send)
