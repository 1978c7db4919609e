"""Accept: text/event-stream: each stage as it ends, then the result."""

import asyncio
import base64
import json
import logging

import pytest

from serve_graph.logs import log
from serve_graph.problems import BusyError, DeadlineError
from tests.serve_graph.api.conftest import PAINTED, SWAPPED, face_at

EVENTS = {"Accept": "text/event-stream"}


@pytest.fixture
def tell(client, photo):
    """Posts the photo and returns the answer and its events."""

    async def post(path="/v1/unmask", **options):
        files = {"photo": photo, **options.pop("files", {})}
        headers = EVENTS | options.pop("headers", {})
        answer = await client.post(path, files=files, headers=headers, **options)
        return answer, events_of(answer.text)

    return post


def events_of(text):
    blocks = [block.split("\n", 1) for block in text.split("\n\n") if block]
    return [
        (name.removeprefix("event: "), json.loads(data.removeprefix("data: ")))
        for name, data in blocks
    ]


async def test_each_stage_is_told_in_the_order_of_their_ends(tell):
    answer, events = await tell()

    assert answer.headers["content-type"].startswith("text/event-stream")
    stages = [data["stage"] for name, data in events if name == "stage"]
    assert stages == [
        "upload", "decode", "thumb", "crop", "mask", "inpaint", "paste", "encode"
    ]  # fmt: skip
    assert all(data["ms"] >= 0 for name, data in events if name == "stage")


async def test_a_stage_that_is_done_for_each_face_is_told_for_each(tell, stages):
    stages.faces = [face_at(40, 60), face_at(120, 60)]
    _, events = await tell()

    assert [data["stage"] for _, data in events if "stage" in data].count("inpaint") == 2


async def test_the_result_comes_last_and_is_the_json_answer(tell, client, photo, decode):
    _, events = await tell()
    plain = await client.post(
        "/v1/unmask", files={"photo": photo}, headers={"Accept": "application/json"}
    )

    name, result = events[-1]
    assert name == "result"
    assert result["painted"] == plain.json()["painted"]
    picture = decode(base64.b64decode(result["painted"]["base64"]))
    assert picture.getpixel((60, 70))[0] == pytest.approx(PAINTED, abs=6)


async def test_a_swap_is_told_as_well(tell, reference, decode):
    files, data = {"reference": reference}, {"consent": "true"}
    _, events = await tell("/v1/swap", files=files, data=data)

    swapped = decode(base64.b64decode(events[-1][1]["swapped"]["base64"]))
    assert swapped.getpixel((60, 70))[0] == pytest.approx(SWAPPED, abs=6)


async def test_an_error_before_the_first_event_has_its_status(client):
    answer = await client.post("/v1/unmask", files={"photo": b"text"}, headers=EVENTS)

    assert answer.status_code == 415
    assert answer.headers["content-type"] == "application/problem+json"


async def test_an_error_before_the_first_event_leaves_no_task_behind(client):
    tasks = asyncio.all_tasks()

    await client.post("/v1/unmask", files={"photo": b"text"}, headers=EVENTS)
    await asyncio.sleep(0)

    assert asyncio.all_tasks() == tasks


async def test_an_error_after_it_is_an_event(tell, stages, recorder):
    stages.faces = []
    answer, events = await tell()

    name, problem = events[-1]
    assert (answer.status_code, name, problem["type"]) == (200, "problem", "/problems/no-face")
    assert problem["instance"] == answer.headers["x-request-id"]
    assert recorder.rejections == ["no-face"]


async def test_the_deadline_is_an_event_too(tell, stages):
    stages.delay_s = 5
    _, events = await tell(headers={"X-Request-Timeout-Ms": "300"})

    assert events[-1][1]["type"] == "/problems/deadline"


async def test_a_full_stage_is_an_event_that_says_when_to_try_again(make_client, photo, stages):
    client = make_client(retry_after_s=2.5)
    stages.error = BusyError()

    answer = await client.post("/v1/unmask", files={"photo": photo}, headers=EVENTS)

    name, problem = events_of(answer.text)[-1]
    assert (name, problem["type"], problem["retry_after"]) == ("problem", "/problems/busy", 3)


async def test_a_stage_that_was_given_up_is_not_told_as_ended(tell, stages):
    stages.delay_s = 5
    _, events = await tell(headers={"X-Request-Timeout-Ms": "1000"})

    assert [data.get("stage") for _, data in events] == ["upload", "decode", "thumb", None]


async def test_what_fails_halfway_is_an_event_without_its_cause(tell, stages, caplog):
    stages.error = RuntimeError("anna's secret")
    answer, events = await tell()

    name, problem = events[-1]
    assert (name, problem["type"]) == ("problem", "/problems/internal")
    assert problem["instance"] == answer.headers["x-request-id"]
    assert "secret" not in answer.text
    assert "crop" not in answer.text
    (failure,) = [record for record in caplog.records if record.exc_info]
    assert failure.getMessage() == f"Request {problem['instance']} failed."


@pytest.mark.parametrize(
    ("error", "status"),
    [(BusyError(), 503), (DeadlineError("late"), 504), (RuntimeError("broken"), 500)],
)
async def test_a_problem_is_counted_and_logged_by_its_status(
    tell, stages, recorder, caplog, error, status
):
    caplog.set_level(logging.INFO, logger=log.name)
    stages.error = error
    await tell()

    assert recorder.requests == [("/v1/unmask", status)]
    assert caplog.records[-1].status == status


@pytest.fixture
def leave(make_api, photo):
    """Asks for events, leaves 0.5 s after one that has `until`."""

    async def leave(until):
        headers = [(b"content-type", b"image/jpeg"), (b"accept", b"text/event-stream")]
        scope = {"type": "http", "method": "POST", "path": "/v1/unmask", "query_string": b""}
        seen = asyncio.Event()

        async def receive():
            return {"type": "http.request", "body": photo}

        async def send(message):
            if until in message.get("body", b""):
                seen.set()
                await asyncio.sleep(60)

        answer = asyncio.create_task(make_api()(scope | {"headers": headers}, receive, send))
        await seen.wait()
        await asyncio.sleep(0.5)
        answer.cancel()
        await asyncio.wait([answer])

    return leave


async def test_who_leaves_before_the_result_was_not_answered_by_the_first_stage(
    leave, stages, recorder
):
    stages.delay_s = 60
    await leave(b"event: stage")

    assert (recorder.requests, recorder.answered) == ([("/v1/unmask", 499)], [False])
    assert recorder.seconds[0] > 0.4


async def test_who_leaves_while_the_result_is_sent_was_answered(leave, recorder):
    await leave(b"event: result")

    assert (recorder.requests, recorder.answered) == ([("/v1/unmask", 499)], [True])
    assert recorder.seconds[0] < 0.5


async def test_a_result_that_was_sent_was_answered_when_it_was_ready(tell, stages, recorder):
    stages.delay_s = 0.2
    await tell()

    assert (recorder.requests, recorder.answered) == ([("/v1/unmask", 200)], [True])
    assert recorder.seconds[0] > 0.6  # three stages


async def test_a_single_step_has_no_events(client, photo):
    answer = await client.post("/v1/mask", files={"photo": photo}, headers=EVENTS)

    assert answer.status_code == 406
