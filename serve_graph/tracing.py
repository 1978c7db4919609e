"""Spans of requests and their stages, for an OpenTelemetry collector.

Tracing is on in a process whose environment names a collector in OTEL_EXPORTER_OTLP_ENDPOINT (OTLP
over HTTP, such as http://localhost:4318) or, with the full path, in
OTEL_EXPORTER_OTLP_TRACES_ENDPOINT; otherwise OpenTelemetry isn't imported. Its other variables work
as well: OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER, OTEL_EXPORTER_OTLP_HEADERS. A caller's trace is
continued: W3C Trace Context, https://www.w3.org/TR/trace-context/.

Spans hold names, numbers and times: nothing from a picture, and no error messages.
"""

import asyncio
import os
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from models.clock import Clock
from models.errors import Mask2FaceError

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
    from opentelemetry.trace import Span, Tracer

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
SERVICE = "mask2face"
FLUSH_S = 3.0  # how long a replica's shutdown waits for the collector
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

Carrier = Mapping[str, str]  # the headers `traceparent` and, if there is one, `tracestate`

_provider: "TracerProvider | None" = None
_tracer: "Tracer | None" = None  # None: off


class TracingError(Mask2FaceError):
    """Tracing is on, but spans can't be sent."""


def start_tracing() -> None:
    """Sends the spans of this process to the collector that the environment names, if any.

    Raises:
        TracingError: the exporter isn't installed.
    """
    named = next((name for name in ENDPOINTS if os.environ.get(name)), None)
    if _tracer is not None or named is None:
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise TracingError(
            f"{named} is set, but {error.name} is missing: make install sets it up."
        ) from None
    trace_to(BatchSpanProcessor(OTLPSpanExporter()))


def trace_to(processor: "SpanProcessor | None") -> None:
    """Sends the spans of this process to a processor; None stops that."""
    global _provider, _tracer
    if processor is None:
        _provider = _tracer = None
        return
    from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import TracerProvider

    # Ray Serve may have set the global provider, with its own exporter: this one stays separate.
    resource = Resource.create({SERVICE_NAME: SERVICE}).merge(OTELResourceDetector().detect())
    _provider = TracerProvider(resource=resource)
    _provider.add_span_processor(processor)
    _tracer = _provider.get_tracer("serve_graph")


def flush_spans() -> None:
    """Sends the spans that wait for their batch, at the end of a replica.

    Returns after FLUSH_S at the latest, even if the collector doesn't answer.
    """
    if _provider is None:
        return
    # In a thread: OpenTelemetry doesn't keep to its own timeout while it retries.
    flushing = threading.Thread(target=_provider.force_flush, daemon=True)
    flushing.start()
    flushing.join(FLUSH_S)


def trace_request(headers: Carrier) -> AbstractContextManager[Any]:
    """A span around a request, in the caller's trace if the headers name one."""
    return nullcontext() if _tracer is None else _request_span(_tracer, headers)


@contextmanager
def _request_span(tracer: "Tracer", headers: Carrier) -> "Iterator[Span]":
    from opentelemetry.trace import SpanKind

    with _current(tracer.start_span("request", _context(headers), SpanKind.SERVER)) as span:
        yield span


def end_request(method: str, route: str, status: int, faces: int | None) -> None:
    """Records a request's outcome in its span, the current one."""
    if _tracer is None:
        return
    from opentelemetry import trace

    span = trace.get_current_span()
    span.update_name(f"{method} {route}")
    span.set_attribute("http.request.method", method)
    span.set_attribute("http.route", route)
    span.set_attribute("http.response.status_code", status)
    if faces is not None:
        span.set_attribute("mask2face.faces", faces)
    if status >= 500:
        span.set_status(trace.StatusCode.ERROR)


def make_clock() -> Clock:
    """The clock of a request; with tracing on, each block that it measures becomes a span."""
    return Clock() if _tracer is None else _SpanClock(_tracer)


class _SpanClock(Clock):
    def __init__(self, tracer: "Tracer") -> None:
        super().__init__()
        self._tracer = tracer

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        with _current(self._tracer.start_span(stage)), super().measure(stage):
            yield


@contextmanager
def _current(span: "Span") -> "Iterator[Span]":
    """Makes the span the parent of those that start inside the block, then ends it."""
    from opentelemetry import trace

    # Error messages aren't kept: nobody has checked what they contain.
    with trace.use_span(
        span, end_on_exit=True, record_exception=False, set_status_on_exception=False
    ):
        try:
            yield span
        except asyncio.CancelledError:
            raise  # the client has left; past its deadline, the request's status says so
        except BaseException as error:
            span.set_status(trace.StatusCode.ERROR, type(error).__name__)
            raise


def current_trace() -> Carrier | None:
    """What a stage needs to continue the current trace; None while tracing is off."""
    if _tracer is None:
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier or None


def trace_stage(
    stage: str,
    carrier: Carrier | None,
    queue_s: float,
    compute_s: float,
    batch_size: int,
    failed: bool,
    is_remote: bool,
) -> None:
    """A span for a call of a stage that has just ended.

    Args:
        stage: its label, as in the metrics.
        carrier: the caller's `current_trace()`.
        queue_s: seconds until its batch started.
        compute_s: seconds of its batch.
        batch_size: calls in the batch.
        failed: whether it has no result.
        is_remote: whether the caller is another process.
    """
    if _tracer is None or carrier is None:
        return
    from opentelemetry.trace import SpanKind, StatusCode

    end = time.time_ns()
    span = _tracer.start_span(
        f"{stage} batch",
        _context(carrier),
        SpanKind.SERVER if is_remote else SpanKind.INTERNAL,
        {
            "mask2face.stage": stage,
            "mask2face.queue_ms": round(1000 * queue_s, 3),
            "mask2face.compute_ms": round(1000 * compute_s, 3),
            "mask2face.batch_size": batch_size,
        },
        start_time=end - int(1e9 * (queue_s + compute_s)),
    )
    if failed:
        span.set_status(StatusCode.ERROR)
    span.end(end)


def _context(headers: Carrier) -> "Context":
    from opentelemetry.context import Context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    names = ("traceparent", "tracestate")
    carrier = {name: headers[name] for name in names if name in headers}
    return TraceContextTextMapPropagator().extract(carrier, Context())


def trace_id_of(headers: Carrier) -> str | None:
    """The id of the request's trace, for the log; while tracing is off, the caller's."""
    carrier = current_trace() or headers
    found = _TRACEPARENT.match(carrier.get("traceparent", ""))
    return found[1] if found else None
