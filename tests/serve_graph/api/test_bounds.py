"""Deadlines, and bounds on what runs at the same time."""

import asyncio
import threading
import time

import pytest

from models import pipeline
from serve_graph.api import answers, intake
from serve_graph.api.gate import Gate
from serve_graph.api.places import Places
from serve_graph.api.threads import Threads
from serve_graph.api.transfers import StalledError, expiring
from serve_graph.draining import Draining
from serve_graph.problems import BusyError
from tests.recorder import MemoryRecorder


@pytest.fixture
def slowly():
    """Slows a function down; counts its calls, and the most at the same time."""

    class Slow:
        started = inside = most_at_once = 0
        lock = threading.Lock()

        def __call__(self, work, seconds=0.4):
            def slow(*arguments, **options):
                with self.lock:
                    self.started += 1
                    self.inside += 1
                    self.most_at_once = max(self.most_at_once, self.inside)
                try:
                    time.sleep(seconds)
                    return work(*arguments, **options)
                finally:
                    with self.lock:
                        self.inside -= 1

            return slow

    return Slow()


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
    headers = {"X-Request-Timeout-Ms": "9" * 400}  # more than a float can hold

    answer = await make_client(max_timeout_s=0.2).post(
        "/v1/faces", files={"photo": photo}, headers=headers
    )

    assert answer.status_code == 504


async def test_the_operator_bounds_the_default_too(make_client, photo, stages):
    stages.delay_s = 5

    answer = await make_client(max_timeout_s=0.2).post("/v1/faces", files={"photo": photo})

    assert answer.status_code == 504


async def test_a_timeout_inside_is_not_taken_for_the_deadline():
    with pytest.raises(TimeoutError):
        async with expiring(asyncio.timeout(10), StalledError):
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


async def test_the_wait_for_a_photos_turn_is_measured(make_client, photo, stages, recorder):
    stages.delay_s = 0.2
    client = make_client(photos_at_once=1)

    await asyncio.gather(*(client.post("/v1/faces", files={"photo": photo}) for _ in range(3)))

    first, second, third = recorder.places
    assert first < 0.1
    assert second >= 0.2
    assert third >= 0.4


async def test_a_wait_that_was_given_up_is_measured_too(make_client, photo, stages, recorder):
    stages.delay_s = 0.4
    client = make_client(photos_at_once=1)
    headers = {"X-Request-Timeout-Ms": "200"}
    working = asyncio.create_task(client.post("/v1/faces", files={"photo": photo}))
    while not stages.inside:
        await asyncio.sleep(0.01)

    await client.post("/v1/faces", files={"photo": photo}, headers=headers)
    await working

    assert 0.1 < recorder.places[1] < 0.4


async def test_a_decode_that_was_given_up_still_counts(make_client, photo, slowly, monkeypatch):
    decode, may_end = intake.decode_photo, threading.Event()

    def held(*arguments):
        may_end.wait(20)
        return decode(*arguments)

    monkeypatch.setattr(intake, "decode_photo", slowly(held, 0))
    client = make_client(photos_at_once=1)

    async def give_up():
        headers = {"X-Request-Timeout-Ms": "100"}
        answer = await client.post("/v1/faces", files={"photo": photo}, headers=headers)
        assert answer.status_code == 504

    while not slowly.started:  # on a busy machine, the deadline may come first
        await give_up()
    for _ in range(2):
        await give_up()
    may_end.set()
    answer = await client.post("/v1/faces", files={"photo": photo})

    assert answer.status_code == 200
    assert (slowly.started, slowly.most_at_once) == (2, 1)


@pytest.mark.parametrize("step", ["to_thumb", "crop_face", "hole_of", "assemble"])
async def test_work_on_the_photo_that_was_given_up_still_counts(
    make_client, photo, slowly, monkeypatch, step
):
    monkeypatch.setattr(pipeline, step, slowly(getattr(pipeline, step)))
    client = make_client(photos_at_once=1)
    headers = {"X-Request-Timeout-Ms": "200"}

    for _ in range(3):
        answer = await client.post("/v1/unmask", files={"photo": photo}, headers=headers)
        assert answer.status_code == 504
    answer = await client.post("/v1/unmask", files={"photo": photo})

    assert answer.status_code == 200
    assert slowly.most_at_once == 1


async def test_an_encode_that_was_given_up_still_counts(make_client, photo, slowly, monkeypatch):
    monkeypatch.setattr(answers, "encode_photo", slowly(answers.encode_photo, 0.6))
    client = make_client(max_requests=1)
    given_up = asyncio.create_task(client.post("/v1/unmask", files={"photo": photo}))
    while not slowly.inside:
        await asyncio.sleep(0.01)

    given_up.cancel()  # the client disconnects
    await asyncio.wait([given_up])

    assert (await client.post("/v1/faces", files={"photo": photo})).status_code == 503
    while slowly.inside:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)  # until the event loop notices
    assert (await client.post("/v1/faces", files={"photo": photo})).status_code == 200


MORE_TIME = "allow more time with X-Request-Timeout-Ms, or send a smaller photo."


@pytest.mark.parametrize(
    ("settings", "timeout_ms", "detail"),
    [
        ({}, "300", f"No answer within 0.3 s: {MORE_TIME}"),
        ({"default_timeout_s": 0.3}, None, f"No answer within 0.3 s: {MORE_TIME}"),
        (
            {"max_timeout_s": 0.3},
            "9000",
            "No answer within 0.3 s: send a smaller photo, or try again later.",
        ),
    ],
)
async def test_past_the_deadline_the_caller_is_told_what_helps(
    make_client, photo, stages, settings, timeout_ms, detail
):
    stages.delay_s = 5
    headers = {"X-Request-Timeout-Ms": timeout_ms} if timeout_ms else {}

    answer = await make_client(**settings).post(
        "/v1/faces", files={"photo": photo}, headers=headers
    )

    assert (answer.status_code, answer.json()["detail"]) == (504, detail)


async def test_the_end_of_the_threads_is_told_once_and_late():
    threads, told = Threads(), []
    waiter = asyncio.create_task(threads.run(time.sleep, 0.2))
    await asyncio.sleep(0.05)
    waiter.cancel()

    threads.at_end(lambda: told.append(True))

    assert not told
    await asyncio.sleep(0.4)
    assert told == [True]


def make_gate(uploads=9, most=9, standing=9, photos=9):
    places = Places(most, standing)
    return Gate(uploads, places, photos, Draining(), MemoryRecorder())


async def test_a_full_gate_refuses_uploads():
    gate = make_gate(most=1)
    async with gate.photo(Threads()):
        with pytest.raises(BusyError):
            async with gate.upload(9, ""):
                pass


async def test_who_finds_all_places_taken_after_the_upload_is_refused_too():
    gate = make_gate(most=1)
    async with gate.upload(9, ""), gate.photo(Threads()):
        with pytest.raises(BusyError):
            async with gate.photo(Threads()):
                pass


async def test_uploads_have_a_bound_of_their_own():
    gate = make_gate(uploads=1)
    async with gate.upload(9, ""):
        with pytest.raises(BusyError):
            async with gate.upload(9, ""):
                pass
    async with gate.upload(9, ""):
        pass


async def test_who_gives_up_waiting_for_a_photo_leaves_its_place():
    gate = make_gate(most=2, photos=1)
    async with gate.photo(Threads()):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05), gate.photo(Threads()):
                pass
        async with gate.upload(9, ""):
            pass
