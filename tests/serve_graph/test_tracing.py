"""Spans of the stages, kept in memory by the SDK's own exporter."""

import asyncio
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from models.stages import load_models
from serve_graph import PROJECT, tracing
from serve_graph.batch import CallContext
from serve_graph.face_cropper import FaceCropper
from serve_graph.face_swapper import FaceSwapper
from serve_graph.ingress import Ingress
from serve_graph.inpainter import Inpainter
from serve_graph.mask_detector import MaskDetector
from serve_graph.replica import Replica
from serve_graph.stages import MeasuredStages
from tests.batches import run_batch
from tests.portrait import masked_portrait, to_jpeg
from tests.recorder import MemoryRecorder
from tests.serve_graph.test_stages import FACE, FakeHandle
from tests.serve_graph.test_stages import stages as remote_stages
from tests.waiting import wait_for

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
HEADERS = {"traceparent": f"00-{TRACE}-{CALLER}-01", "tracestate": "vendor=1"}


@pytest.fixture
def exporter():
    kept = InMemorySpanExporter()
    tracing.trace_to(SimpleSpanProcessor(kept))
    yield kept
    tracing.trace_to(None)


def ids(span):
    return f"{span.context.trace_id:032x}", f"{span.parent.span_id:016x}"


def halve(numbers):
    return [10 // number for number in numbers]


def run(numbers):
    batch = [(number, CallContext(trace=HEADERS)) for number in numbers]
    return asyncio.run(run_batch(batch, halve, "crop", MemoryRecorder()))


def test_each_call_of_a_batch_is_a_span_in_its_callers_trace(exporter):
    run([1, 2])

    spans = exporter.get_finished_spans()
    assert [span.name for span in spans] == ["crop batch"] * 2
    assert {ids(span) for span in spans} == {(TRACE, CALLER)}
    assert {span.kind for span in spans} == {SpanKind.SERVER}


def test_queue_and_compute_are_told_apart(exporter):
    asked = CallContext(at=CallContext().at - 3, trace=HEADERS)
    asyncio.run(run_batch([(1, asked)], halve, "crop", MemoryRecorder()))

    (span,) = exporter.get_finished_spans()
    assert 3000 <= span.attributes["mask2face.queue_ms"] < 4000
    assert 0 <= span.attributes["mask2face.compute_ms"] < 1000
    assert span.attributes["mask2face.batch_size"] == 1
    assert span.end_time - span.start_time >= 3e9


def test_a_call_that_fails_is_marked_without_its_message(exporter):
    run([1, 0])

    good, bad = exporter.get_finished_spans()
    assert good.status.is_ok
    assert not bad.status.is_ok
    assert "division" not in bad.to_json()


def test_a_call_whose_caller_traces_nothing_has_no_span(exporter):
    asyncio.run(run_batch([(1, CallContext(trace=None))], halve, "crop", MemoryRecorder()))

    assert not exporter.get_finished_spans()


@pytest.mark.usefixtures("exporter")
def test_the_trace_goes_along_with_the_call_of_a_deployment():
    handle = FakeHandle([])
    with tracing.trace_request(HEADERS) as span:
        asyncio.run(remote_stages(handle).detect(FACE))

    sent = handle.calls[0][-1].trace
    assert sent["traceparent"] == f"00-{TRACE}-{span.get_span_context().span_id:016x}-01"
    assert sent["tracestate"] == "vendor=1"


def test_nothing_goes_along_while_tracing_is_off():
    handle = FakeHandle([])
    with tracing.trace_request(HEADERS):
        asyncio.run(remote_stages(handle).detect(FACE))

    assert handle.calls[0][-1].trace is None


def test_the_stages_of_a_fused_replica_have_their_spans_too(exporter, tiny_weights):
    stages = MeasuredStages(load_models(tiny_weights), MemoryRecorder(), 1, "mesh", "feather")
    with tracing.trace_request(HEADERS) as request:
        asyncio.run(stages.find_mask(np.zeros((256, 256, 3), np.uint8)))

    stage, _ = exporter.get_finished_spans()
    assert stage.name == "mask batch"
    assert stage.kind == SpanKind.INTERNAL  # no call that a collector should count as a request
    assert ids(stage) == (TRACE, f"{request.get_span_context().span_id:016x}")


def test_a_caller_that_samples_nothing_gets_no_spans(exporter):
    unsampled = {"traceparent": f"00-{TRACE}-{CALLER}-00"}
    with tracing.trace_request(unsampled), tracing.make_clock().measure("crop"):
        sent = tracing.current_trace()
    asyncio.run(run_batch([(1, CallContext(trace=sent))], halve, "crop", MemoryRecorder()))

    assert not exporter.get_finished_spans()


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (HEADERS["traceparent"], TRACE),
        (f"00-{TRACE.upper()}-{CALLER}-01", None),
        (f"00-{'0' * 32}-{CALLER}-01", None),
        ("<script>", None),
    ],
)
def test_the_log_names_the_callers_trace_while_tracing_is_off(header, expected):
    assert tracing.trace_id_of({"traceparent": header}) == expected


@pytest.fixture
def batched():
    """Keeps the spans that were sent; a batch is sent after a minute."""
    kept = InMemorySpanExporter()
    processor = BatchSpanProcessor(kept, schedule_delay_millis=60_000)
    tracing.trace_to(processor)
    yield kept
    tracing.trace_to(None)
    processor.shutdown()


def test_a_replica_that_ends_sends_the_spans_that_wait(batched):
    run([1, 2])
    assert not batched.get_finished_spans()
    Replica.__new__(Replica).__del__()  # as if it had started

    assert len(batched.get_finished_spans()) == 2


@pytest.mark.parametrize("kind", [Ingress, FaceCropper, MaskDetector, Inpainter, FaceSwapper])
def test_each_deployment_sends_its_spans_at_its_end(kind):
    assert issubclass(kind.func_or_class, Replica)


def test_a_collector_that_does_not_answer_holds_no_end_up(batched, monkeypatch):
    answered = threading.Event()
    monkeypatch.setattr(batched, "export", lambda _: answered.wait(60))
    monkeypatch.setattr(tracing, "FLUSH_S", 0.2)
    run([1])
    start = time.perf_counter()
    tracing.flush_spans()
    answered.set()

    assert time.perf_counter() - start < 10


def test_without_an_endpoint_nothing_of_opentelemetry_is_imported():
    code = (
        "import sys; from serve_graph import tracing; tracing.start_tracing();"
        "tracing.make_clock(); tracing.current_trace();"
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )

    subprocess.run([sys.executable, "-c", code], cwd=PROJECT, env={}, check=True)


ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


@pytest.fixture(params=ENDPOINTS)
def endpoint(request, monkeypatch):
    """One of the variables, the only one set."""
    for name in ENDPOINTS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(request.param, "http://127.0.0.1:4318/v1/traces")
    return request.param


def test_an_endpoint_without_the_exporter_says_what_to_install(monkeypatch, endpoint):
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)

    with pytest.raises(tracing.TracingError, match=rf"{endpoint} is set.*make install sets it up"):
        tracing.start_tracing()


@pytest.mark.usefixtures("endpoint")
def test_either_endpoint_turns_tracing_on(monkeypatch):
    turned_on = []
    monkeypatch.setattr(tracing, "trace_to", turned_on.append)

    tracing.start_tracing()

    (processor,) = turned_on
    processor.shutdown()


@pytest.mark.serve
@pytest.mark.parametrize(
    ("path", "trace_id"), [("/v1/unmask", "a" * 32), ("/fused/v1/unmask", "b" * 32)]
)
def test_a_collector_gets_one_tree_of_spans_a_request(service, path, trace_id):
    files = {"photo": ("anna-at-home.jpg", to_jpeg(masked_portrait().image))}
    headers = {"traceparent": f"00-{trace_id}-{CALLER}-01"}
    service.post(path, b"", files=files, headers=headers).raise_for_status()
    expected = {"POST /v1/unmask", "decode", "crop", "mask", "inpaint", "paste", "encode"}
    expected |= {"crop batch", "mask batch", "inpaint batch"}

    wait_for(lambda: expected <= {span.name for span in service.collector.spans(trace_id)})
    spans = service.collector.spans(trace_id)
    known = {span.span_id for span in spans} | {bytes.fromhex(CALLER)}
    assert all(span.parent_span_id in known for span in spans)
    assert not any(b"anna-at-home" in body for body in service.collector.bodies)
