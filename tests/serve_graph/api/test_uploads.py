"""Bodies that come in slowly, or not at all."""

import asyncio

import httpx
import pytest

from serve_graph.api import calls
from serve_graph.api.places import BURST_S

pytestmark = pytest.mark.asyncio

PATH = "http://mask2face/v1/faces"


@pytest.fixture
def upload(photo):
    """Posts the photo, its second half once `rest` is set; knows whether anything was read."""

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
    held = [asyncio.create_task(upload().send(client)) for _ in range(calls.UPLOADS_PER_PLACE)]
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


async def test_an_upload_that_takes_too_long_is_given_up(client, upload, monkeypatch):
    monkeypatch.setattr(calls, "MAX_UPLOAD_S", 0.1)

    answer = await upload().send(client)

    assert (answer.status_code, answer.json()["type"]) == (504, "/problems/deadline")
    assert "upload" in answer.json()["detail"]


async def test_the_callers_deadline_counts_during_the_upload(client, upload):
    answer = await upload().send(client, **{"X-Request-Timeout-Ms": "100"})

    assert answer.status_code == 504
    assert "within 0.1 s" in answer.json()["detail"]
