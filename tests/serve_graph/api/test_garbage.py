"""What an answered request held is free at once, without Python's search for cycles."""

import asyncio
import gc
import weakref
from contextlib import suppress

import numpy as np
import pytest
from starlette.requests import ClientDisconnect, Request

from serve_graph.api import events, forms, intake
from serve_graph.api.schemas import FacesFields
from serve_graph.api.threads import Threads
from serve_graph.api.transfers import StalledError
from serve_graph.logs import log

EVENTS = {"Accept": "text/event-stream"}
ENDS_S = 0.05  # until threads and tasks have ended


@pytest.fixture(autouse=True)
def _no_search(monkeypatch):
    monkeypatch.setattr(log, "disabled", True)  # pytest keeps its records, with their tracebacks
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def kept(monkeypatch):
    """The decoded pictures, and streams of events, that something still holds."""
    seen = []

    class Stream(events.EventStream):
        def __init__(self, send):
            super().__init__(send)
            seen.append(weakref.ref(self))

    def decode(*arguments):
        photo = decode_photo(*arguments)
        seen.append(weakref.ref(photo.pixels))
        return photo

    decode_photo = intake.decode_photo
    monkeypatch.setattr(intake, "decode_photo", decode)
    monkeypatch.setattr(events, "EventStream", Stream)

    async def kept():
        await asyncio.sleep(ENDS_S)
        assert seen
        return [one for one in seen if one() is not None]

    return kept


@pytest.mark.parametrize("headers", [{}, EVENTS])
@pytest.mark.parametrize("failing", [None, "paint"])
async def test_an_answer_keeps_no_photo(client, photo, stages, kept, headers, failing):
    async def fail(*_):
        raise RuntimeError

    if failing:
        setattr(stages, failing, fail)
    await client.post("/v1/unmask", files={"photo": photo}, headers=headers)

    assert await kept() == []


async def test_an_error_in_a_thread_keeps_no_argument():
    def fail(_photo):
        raise ValueError

    photo = np.zeros(1)
    held = weakref.ref(photo)
    with suppress(ValueError):
        await Threads().run(fail, photo)
    del photo
    await asyncio.sleep(ENDS_S)

    assert held() is None


async def test_a_client_that_leaves_keeps_no_photo(client, photo, stages, kept):
    stages.delay_s = 60
    request = asyncio.create_task(client.post("/v1/unmask", files={"photo": photo}))
    await asyncio.sleep(0.2)
    request.cancel()  # and nobody awaits it

    assert await kept() == []


async def test_half_a_body_is_not_kept(monkeypatch):
    readers = weakref.WeakSet()

    class Reader(forms.PartReader):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            readers.add(self)

    monkeypatch.setattr(forms, "PartReader", Reader)
    half = b'--B\r\nContent-Disposition: form-data; name="photo"\r\n\r\nhalf a photo'
    messages = [
        {"type": "http.request", "body": half, "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive():
        assert len(readers) == 1
        return messages.pop(0)

    headers = [(b"content-type", b"multipart/form-data; boundary=B")]
    scope = {"type": "http", "query_string": b"", "headers": headers}
    with suppress(ClientDisconnect):
        await forms.read_form(Request(scope, receive), FacesFields, 1000, lambda _: None)

    assert not readers


async def test_a_stream_that_is_cut_off_keeps_no_event():
    streams = weakref.WeakSet()

    async def work(stream):
        streams.add(stream)
        stream.put_framed(b"a whole answer")

    async def send(_message):
        raise StalledError

    with suppress(StalledError):
        await events.EventsResponse(work)({}, None, send)
    await asyncio.sleep(ENDS_S)

    assert not streams
