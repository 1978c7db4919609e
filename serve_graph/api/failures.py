"""Answers errors with problems: refusals are counted, and unexpected errors are logged."""

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.errors import InputError
from serve_graph.api.exchange import Exchange, exchange_of
from serve_graph.api.transfers import StalledError
from serve_graph.logs import log
from serve_graph.problems import FieldProblem, FieldsError, ServiceError, problem, problem_of
from serve_graph.service import Service


def add_errors(app: FastAPI, service: Service) -> None:
    """Lets the app answer each error with a problem."""

    async def refuse(request: Request, error: Exception) -> Response:
        return answer_to(error, exchange_of(request), service)

    for kind in (InputError, ServiceError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, refuse)
    app.add_middleware(FailureMiddleware, service=service)


def answer_to(error: Exception, exchange: Exchange, service: Service) -> Response:
    """The answer to an error that is being handled.

    Args:
        error: an unexpected one is logged with its traceback; its answer doesn't tell the cause.
        exchange: the request that raised it.
        service: counts refusals.
    """
    if isinstance(error, RequestValidationError):
        error = FieldsError(
            [FieldProblem(field=str(one["loc"][-1]), detail=one["msg"]) for one in error.errors()]
        )
    if isinstance(error, InputError | ServiceError):
        service.recorder.rejected(error.slug)
        return problem_of(error, exchange.request_id, service.settings.retry_after_s)
    if isinstance(error, HTTPException):
        return _no_route(error, exchange)
    log.exception("Request %s failed.", exchange.request_id)
    detail = "Something went wrong: the service's log has the details under the request's id."
    return problem("internal", "Internal error", 500, exchange.request_id, detail=detail)


def _no_route(error: HTTPException, exchange: Exchange) -> Response:
    title = error.detail  # Starlette's reason phrase: Not Found, Method Not Allowed
    slug = title.lower().replace(" ", "-")
    headers, detail = {}, "Nothing is at this path: /docs lists the calls."
    if error.status_code == 405:
        # Starlette names one route's methods, and none for static files.
        is_call = (error.headers or {}).get("Allow") == "POST"
        headers["Allow"] = "POST" if is_call else "GET, HEAD"
        detail = f"This path takes {headers['Allow']}."
    return problem(slug, title, error.status_code, exchange.request_id, headers, detail=detail)


class FailureMiddleware:
    """Answers unexpected errors; inside CORS, so that pages of allowed origins can read it."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app, self._service = app, service

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
        except Exception as error:
            answer = answer_to(error, exchange_of(Request(scope)), self._service)
            if has_begun:
                raise  # the answer has begun: only the server can cut it off
            await answer(scope, receive, send)
