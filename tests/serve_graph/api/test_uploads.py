"""Bodies that arrive slowly or not at all."""

import asyncio
import time

import httpx
import pytest

from serve_graph.api import intake, transfers
from serve_graph.api.places import BURST_S
from serve_graph.settings import UPLOADS_PER_PLACE

PATH = "http://mask2face/v1/faces"


@pytest.fixture
def upload(photo):
    """Posts the photo, its second half once `rest` is set; `begun` once anything was read."""

    class Upload:
        def __init__(self):
            self.rest, self.begun = asyncio.Event(), False

        async def body(self, content):
            self.begun = True
            yield content[:200]
            await self.rest.wait()
            yield content[200:]

        async def send(self, client, **headers):
            request = httpx.Request("POST", PATH, files={"photo": photo})
            headers |= {"Content-Type": request.headers["Content-Type"]}
            return await client.post(PATH, content=self.body(request.read()), headers=headers)

    return Upload


async def test_slow_uploads_take_no_places(make_client, upload, photo):
    client = make_client(max_requests=4, max_standing=2)
    slow = [upload() for _ in range(5)]
    held = [asyncio.create_task(one.send(client)) for one in slow]
    await asyncio.sleep(BURST_S + 0.1)

    assert (await client.post(PATH, files={"photo": photo})).status_code == 200
    for one in slow[:2]:
        one.rest.set()
    answers = await asyncio.gather(*held[:2])
    assert [answer.status_code for answer in answers] == [200, 200]
    for task in held[2:]:
        task.cancel()


async def test_only_so_many_come_in_at_a_time(make_client, upload, photo):
    client = make_client(max_requests=1)
    held = [asyncio.create_task(upload().send(client)) for _ in range(UPLOADS_PER_PLACE)]
    await asyncio.sleep(0.1)

    assert (await client.post(PATH, files={"photo": photo})).status_code == 503
    for task in held:
        task.cancel()


async def test_a_full_service_reads_no_body(make_api, photo, stages):
    app = make_api(max_requests=1, retry_after_s=7)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app))
    stages.delay_s = 0.3
    held = asyncio.create_task(client.post(PATH, files={"photo": photo}))
    await asyncio.sleep(0.1)
    headers = [(b"content-type", b"image/jpeg")]
    scope = {"type": "http", "method": "POST", "path": "/v1/faces", "query_string": b""}
    sent = []

    async def receive():
        raise AssertionError("the body is read")

    async def send(message):
        sent.append(message)

    await app(scope | {"headers": headers}, receive, send)

    assert sent[0]["status"] == 503
    assert (b"retry-after", b"7") in sent[0]["headers"]
    assert (await held).status_code == 200


async def test_a_place_that_was_taken_during_the_upload_is_503(make_client, upload, photo, stages):
    client = make_client(max_requests=1, retry_after_s=7)
    slow = upload()
    late = asyncio.create_task(slow.send(client))
    await asyncio.sleep(0.1)
    stages.delay_s = 0.3
    first = asyncio.create_task(client.post(PATH, files={"photo": photo}))
    await asyncio.sleep(0.1)

    slow.rest.set()

    answer = await late
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")
    assert (await first).status_code == 200


async def test_an_upload_that_takes_too_long_is_given_up_and_no_failure_of_ours(
    client, upload, recorder, monkeypatch
):
    monkeypatch.setattr(intake, "MAX_UPLOAD_S", 0.1)

    answer = await upload().send(client)

    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/slow-upload")
    assert "after 0.1" in answer.json()["detail"]
    assert recorder.rejections == ["slow-upload"]
    assert not recorder.places


@pytest.mark.parametrize("headers", [{"X-Request-Timeout-Ms": "100"}, {}])
async def test_the_deadline_counts_during_the_upload(make_client, upload, headers):
    client = make_client(default_timeout_s=30 if headers else 0.1)

    answer = await upload().send(client, **headers)

    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/slow-upload")
    advice = "allow more time with X-Request-Timeout-Ms, or send a smaller photo."
    assert answer.json()["detail"].endswith(f" s: {advice}")


async def test_what_the_upload_took_of_the_deadline_is_gone(client, upload, stages):
    stages.delay_s = 5
    slow = upload()
    asyncio.get_running_loop().call_later(0.6, slow.rest.set)
    start = time.monotonic()

    answer = await slow.send(client, **{"X-Request-Timeout-Ms": "1000"})

    assert answer.status_code == 504
    assert time.monotonic() - start < 1.4


async def test_a_slow_upload_goes_where_others_need_its_place(
    make_client, upload, photo, monkeypatch
):
    monkeypatch.setattr(transfers, "_TOO_EARLY_S", 0.1)
    client = make_client(max_requests=1)
    slow = [asyncio.create_task(upload().send(client)) for _ in range(UPLOADS_PER_PLACE)]
    await asyncio.sleep(0.2)

    assert (await client.post(PATH, files={"photo": photo})).status_code == 200
    ended, held = await asyncio.wait(slow, return_when=asyncio.FIRST_COMPLETED)
    assert [one.result().status_code for one in ended] == [400]
    (given_up,) = ended
    expected = "others needed its place: send a smaller photo."
    assert given_up.result().json()["detail"].endswith(expected)
    assert len(held) == len(slow) - 1
    for task in held:
        task.cancel()


async def test_a_quick_upload_keeps_its_place(make_client, upload, photo, monkeypatch):
    monkeypatch.setattr(transfers, "_TOO_EARLY_S", 0.1)
    monkeypatch.setattr("serve_graph.api.gate.MIN_BYTES_PER_S", 10)
    client = make_client(max_requests=1)
    held = [upload() for _ in range(UPLOADS_PER_PLACE)]
    tasks = [asyncio.create_task(one.send(client)) for one in held]
    await asyncio.sleep(0.2)

    assert (await client.post(PATH, files={"photo": photo})).status_code == 503
    for one in held:
        one.rest.set()
    answers = await asyncio.gather(*tasks)
    assert 400 not in {answer.status_code for answer in answers}
