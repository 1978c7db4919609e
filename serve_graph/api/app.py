"""The application: routes, errors, docs and the page."""

from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

from fastapi import Depends, FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.routing import APIRoute
from fastapi_offline import FastAPIOffline
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.staticfiles import StaticFiles

from models.choices import MAX_CANDIDATES
from models.photo.header import PhotoFormat
from serve_graph import package_version
from serve_graph.api import describe
from serve_graph.api.answers import FACES, FACES_CHANGED, FACES_SWAPPED
from serve_graph.api.calls import Calls
from serve_graph.api.exchange import ExchangeMiddleware
from serve_graph.api.failures import add_errors
from serve_graph.api.origins import page_check
from serve_graph.api.schemas import InfoAnswer, LimitsAnswer
from serve_graph.problems import EndingError, NotReadyError
from serve_graph.service import Service

WEB = Path(__file__).resolve().parent.parent / "web"
INFO = "/v1/info"
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PAGE_HEADERS = {
    "Cache-Control": "no-cache",  # browsers ask before use, so that all files are of one version
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}
ANSWER_HEADERS = (
    "X-Request-ID",
    "Server-Timing",
    "X-Model-Version",
    "Retry-After",
    FACES,
    FACES_CHANGED,
    FACES_SWAPPED,
)


def create_api(service: Service) -> FastAPI:
    """Creates the HTTP API and the web page of a graph, as an ASGI app.

    Args:
        service: the running graph.
    """
    app = FastAPIOffline(  # serves Swagger UI's files from the package, not a CDN
        redoc_url=None,
        static_url="/docs/assets",
        title="Mask2Face",
        version="1",
        description=describe.ABOUT,
        redirect_slashes=False,
        swagger_ui_parameters={"validatorUrl": None},
    )
    _add_calls(app, service)
    _add_info(app, service)
    _add_health(app, service)
    _add_page(app)
    _add_heads(app)
    add_errors(app, service)
    if service.settings.allow_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=service.settings.allow_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["*"],
            expose_headers=ANSWER_HEADERS,
        )
    # The objectives are for all of /v1/: quick answers would make them look better.
    app.add_middleware(ExchangeMiddleware, service=service, uncounted=[INFO])  # last: outermost
    app.openapi = lambda: describe.openapi(app)  # type: ignore[method-assign]
    return app


def _add_calls(app: FastAPI, service: Service) -> None:
    calls, descriptions = Calls(service), describe.calls(service.settings)
    check = Depends(page_check(service.settings.allow_origins))
    for name, answer in {
        "unmask": calls.unmask,
        "swap": calls.swap,
        "mask": calls.mask,
        "faces": calls.faces,
    }.items():
        described = descriptions[name]
        app.add_api_route(
            f"/v1/{name}",
            answer,
            methods=["POST"],
            operation_id=name,
            response_class=Response,
            dependencies=[check],
            responses=described.responses,
            openapi_extra=described.request,
        )


def _add_info(app: FastAPI, service: Service) -> None:
    settings = service.settings
    answer = InfoAnswer(
        version=package_version(),
        model_version=service.model_version,
        formats=list(get_args(PhotoFormat)),
        limits=LimitsAnswer(**asdict(settings.limits)),
        max_faces=settings.max_faces,
        max_candidates=MAX_CANDIDATES,
        default_timeout_s=min(settings.default_timeout_s, settings.max_timeout_s),
        max_timeout_s=settings.max_timeout_s,
    )

    @app.get(INFO, operation_id="info")
    async def info() -> InfoAnswer:
        """What runs here, and what it accepts."""
        return answer


def _add_health(app: FastAPI, service: Service) -> None:
    settings = service.settings

    @app.get("/healthz", operation_id="healthz")
    async def healthz() -> dict[str, bool]:
        """This replica is alive."""
        return {"alive": True}

    @app.get("/readyz", operation_id="readyz", responses=describe.NOT_READY)
    async def readyz() -> dict[str, dict[str, bool]]:
        """All stages are ready, and new requests are accepted."""
        if service.draining.has_begun:
            raise EndingError
        stages = await service.ready()
        if not all(stages.values()):
            raise NotReadyError(stages)
        return {"stages": stages}

    if settings.open_metrics:

        @app.get(
            settings.metrics_path,
            operation_id="metrics",
            response_class=PlainTextResponse,
            responses=describe.METRICS,
        )
        async def metrics() -> Response:
            """Metrics of the whole cluster, in the Prometheus text format."""
            return Response(await service.metrics(), headers={"Content-Type": METRICS_TYPE})


class _PageFiles(StaticFiles):
    """Static files with the page's headers."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers.update(PAGE_HEADERS)
        return response


def _add_page(app: FastAPI) -> None:
    app.mount("/static", _PageFiles(directory=WEB))

    @app.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(WEB / "index.html", headers=PAGE_HEADERS)


def _add_heads(app: FastAPI) -> None:
    """HEAD for each GET, as some load balancers probe; the server omits the body."""
    for route in list(app.routes):
        if isinstance(route, APIRoute) and "GET" in (route.methods or ()):
            app.add_api_route(route.path, route.endpoint, methods=["HEAD"], include_in_schema=False)
