"""The spans of a request, from the caller's trace to the stages."""

import asyncio

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from serve_graph import tracing

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
def spans(make_client):
    """Sends a photo in a trace; returns the spans by name."""
    kept = InMemorySpanExporter()
    tracing.trace_to(SimpleSpanProcessor(kept))

    async def send(photo, path="/v1/unmask", **headers):
        headers["traceparent"] = f"00-{TRACE}-{CALLER}-01"
        await make_client().post(path, files={"photo": ("anna.jpg", photo)}, headers=headers)
        return {span.name: span for span in kept.get_finished_spans()}

    yield send
    tracing.trace_to(None)


async def test_a_request_goes_on_with_its_callers_trace(spans, photo):
    request = (await spans(photo))["POST /v1/unmask"]

    assert f"{request.context.trace_id:032x}" == TRACE
    assert f"{request.parent.span_id:016x}" == CALLER


async def test_its_steps_are_its_children(spans, photo):
    found = await spans(photo)

    request = found.pop("POST /v1/unmask")
    assert {"upload", "decode", "crop", "mask", "inpaint", "paste", "encode"} <= set(found)
    assert {span.parent.span_id for span in found.values()} == {request.context.span_id}


async def test_it_says_what_came_of_it(spans, photo):
    request = (await spans(photo))["POST /v1/unmask"]

    assert request.attributes == {
        "http.request.method": "POST",
        "http.route": "/v1/unmask",
        "http.response.status_code": 200,
        "mask2face.faces": 1,
    }


async def test_our_failure_is_marked_without_its_message(spans, photo, stages):
    stages.error = RuntimeError("anna's secret")

    found = await spans(photo)

    assert not found["POST /v1/unmask"].status.is_ok
    assert not found["crop"].status.is_ok
    assert not any("secret" in span.to_json() for span in found.values())


async def test_a_failure_that_is_told_as_an_event_is_marked_too(spans, photo, stages):
    stages.error = RuntimeError("broken")

    request = (await spans(photo, Accept="text/event-stream"))["POST /v1/unmask"]

    assert request.attributes["http.response.status_code"] == 500
    assert not request.status.is_ok


async def test_a_client_that_leaves_is_no_failure(spans, photo, stages):
    stages.delay_s = 30
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(spans(photo), 0.3)
    found = await spans(photo, "/holiday")

    assert found["POST /v1/unmask"].attributes["http.response.status_code"] == 499
    assert all(span.status.is_ok for span in found.values())
    assert "crop" in found


async def test_an_answer_past_its_deadline_is_a_failure(spans, photo, stages):
    stages.delay_s = 30

    request = (await spans(photo, **{"X-Request-Timeout-Ms": "300"}))["POST /v1/unmask"]

    assert request.attributes["http.response.status_code"] == 504
    assert not request.status.is_ok


async def test_the_callers_mistake_is_no_failure(spans):
    request = (await spans(b"no photo"))["POST /v1/unmask"]

    assert request.attributes["http.response.status_code"] == 415
    assert request.status.is_ok


async def test_no_span_names_the_file(spans, photo):
    found = await spans(photo)

    assert not any("anna" in span.to_json() for span in found.values())


async def test_a_path_that_is_not_here_stays_out(spans, photo):
    found = await spans(photo, "/holiday/anna.jpg")

    assert set(found) == {"POST other"}
