"""Deadlines, and how much goes on at the same time."""

import asyncio

import pytest

from serve_graph.api.gate import Gate, deadline
from serve_graph.api.places import Places
from serve_graph.draining import Draining
from serve_graph.problems import BusyError

pytestmark = pytest.mark.asyncio


async def test_past_the_callers_deadline_it_is_504(client, photo, stages):
    stages.delay_s = 5
    headers = {"X-Request-Timeout-Ms": "200"}

    answer = await client.post("/v1/unmask", files={"photo": photo}, headers=headers)

    assert (answer.status_code, answer.json()["type"]) == (504, "/problems/deadline")


async def test_past_the_deadline_later_stages_are_not_called(client, photo, stages):
    stages.delay_s = 0.3
    headers = {"X-Request-Timeout-Ms": "400"}

    await client.post("/v1/unmask", files={"photo": photo}, headers=headers)
    await asyncio.sleep(0.5)

    assert stages.calls["detect"] == 1
    assert not stages.calls["paint"]


async def test_without_a_deadline_the_default_holds(make_client, photo, stages):
    stages.delay_s = 5

    answer = await make_client(default_timeout_s=0.2).post("/v1/faces", files={"photo": photo})

    assert answer.status_code == 504


async def test_the_operator_bounds_the_callers_deadline(make_client, photo, stages):
    stages.delay_s = 5
    headers = {"X-Request-Timeout-Ms": "9" * 30}

    answer = await make_client(max_timeout_s=0.2).post(
        "/v1/faces", files={"photo": photo}, headers=headers
    )

    assert answer.status_code == 504


async def test_a_timeout_inside_is_not_taken_for_the_deadline():
    with pytest.raises(TimeoutError):
        async with deadline(10, 10):
            raise TimeoutError


async def test_more_requests_than_places_get_503(make_client, photo, stages):
    stages.delay_s = 0.3
    client = make_client(max_requests=2, retry_after_s=7)

    answers = await asyncio.gather(
        *(client.post("/v1/faces", files={"photo": photo}) for _ in range(3))
    )

    refused = [answer for answer in answers if answer.status_code == 503]
    assert [answer.headers["retry-after"] for answer in refused] == ["7"]


async def test_places_are_free_again_after_refusals(make_client, photo, stages):
    client = make_client(max_requests=1)
    stages.error = RuntimeError("broken")
    await client.post("/v1/faces", files={"photo": photo})
    await client.post("/v1/faces", files={"photo": b"text"})
    stages.error = None

    assert (await client.post("/v1/faces", files={"photo": photo})).status_code == 200


async def test_only_so_many_photos_are_decoded_at_a_time(make_client, photo, stages):
    stages.delay_s = 0.2
    client = make_client(photos_at_once=2)
    requests = [client.post("/v1/faces", files={"photo": photo}) for _ in range(4)]

    answers = await asyncio.gather(*requests)

    assert stages.most_at_once == 2
    assert {answer.status_code for answer in answers} == {200}


async def test_a_full_gate_says_when_to_come_again():
    gate = Gate(Places(1, 1), photos=1, retry_after_s=3, draining=Draining())
    with gate.request(), pytest.raises(BusyError, match="3 s"), gate.request():
        pass
