"""Clients that read their answers slowly or not at all."""

import asyncio
import io
import logging
import socket
from contextlib import asynccontextmanager

import httpx
import numpy as np
import pytest
import uvicorn
from PIL import Image as PilImage

from serve_graph.api import sending, transfers
from serve_graph.api.transfers import StalledError
from serve_graph.draining import Draining
from serve_graph.logs import log

BUFFER_BYTES = 16_384  # of each socket: what the system buffers for a client


@pytest.fixture
def draining():
    return Draining()


@pytest.fixture
def ask():
    """The bytes of a request that is answered with a large picture."""
    noise = np.random.default_rng(0).integers(0, 60, (600, 600, 3), np.uint8)
    out = io.BytesIO()
    PilImage.fromarray(noise).save(out, "PNG", compress_level=1)
    request = httpx.Request("POST", "http://m/v1/unmask", files={"photo": out.getvalue()})
    content = request.read()
    head = (
        "POST /v1/unmask?format=png HTTP/1.1\r\nHost: m\r\n"
        f"Content-Type: {request.headers['Content-Type']}\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


@asynccontextmanager
async def served(app):
    """Serves the app with a real server; yields its address."""
    with socket.socket() as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
        door.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None))
        running = asyncio.create_task(server.serve(sockets=[door]))
        while not server.started:
            await asyncio.sleep(0.01)
        yield door.getsockname()
        server.should_exit = server.force_exit = True
        await running


@asynccontextmanager
async def connected(address):
    """A client's reader and writer, on a connection with small buffers."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
    client.connect(address)
    reader, writer = await asyncio.open_connection(sock=client, limit=BUFFER_BYTES)
    yield reader, writer
    writer.close()


async def read_answer(reader):
    """Reads head and body."""
    head = await reader.readuntil(b"\r\n\r\n")
    (length,) = (
        int(line.split(b":")[1])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length")
    )
    return head, await reader.readexactly(length)


async def test_the_end_waits_for_a_slow_client(make_api, draining, ask, stages, decode):
    async with served(make_api(draining=draining)) as address, connected(address) as (reader, out):
        out.write(ask)
        while not stages.calls["paint"]:
            await asyncio.sleep(0.01)
        ending = asyncio.create_task(draining.finish())
        await asyncio.sleep(1)

        assert not ending.done()
        _, content = await read_answer(reader)
        await asyncio.wait_for(ending, 5)
        assert decode(content).size == (600, 600)


async def test_a_slow_client_keeps_no_place(make_api, ask, stages, photo):
    app = make_api(max_requests=1, photos_at_once=1)
    async with served(app) as address, connected(address) as (_, out):
        out.write(ask)
        while not stages.calls["paint"]:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.5)

        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{address[1]}") as client:
            answer = await client.post("/v1/faces", files={"photo": photo})
        assert answer.status_code == 200


async def test_a_slow_client_is_no_slow_service(make_api, ask, recorder):
    spent = []
    recorder.request = lambda _route, code, seconds, _: spent.append((code, seconds))
    async with served(make_api()) as address, connected(address) as (reader, out):
        out.write(ask)
        await asyncio.sleep(2)
        await read_answer(reader)
        while not spent:
            await asyncio.sleep(0.01)

    ((code, seconds),) = spent
    assert code == 200
    assert seconds < 1.5


async def test_a_client_that_takes_nothing_is_given_up(
    make_api, draining, ask, recorder, caplog, monkeypatch
):
    monkeypatch.setattr(sending, "MAX_STALL_S", 0.3)
    caplog.set_level(logging.INFO, logger=log.name)
    async with served(make_api(draining=draining)) as address, connected(address) as (_, out):
        out.write(ask.replace(b"Host: m", b"Host: m\r\nX-Request-ID: shop-42"))
        while not recorder.requests:
            await asyncio.sleep(0.01)

        await asyncio.wait_for(draining.finish(), 1)
    assert recorder.requests == [("/v1/unmask", 499)]
    assert recorder.answered == [True]  # the client only didn't read it
    assert any("shop-42 read its answer" in record.getMessage() for record in caplog.records)
    assert not [record for record in caplog.records if record.exc_info]


def body_of(pieces):
    return {"type": "http.response.body", "body": bytes(pieces * sending.PIECE_BYTES)}


@pytest.mark.parametrize(
    "limits", [{"MAX_STALL_S": 0.2, "MIN_BYTES_PER_S": 1e9}, {"MAX_TAKING_S": 0.2}]
)
async def test_who_takes_the_whole_too_slowly_is_given_up(monkeypatch, limits):
    for name, value in limits.items():
        monkeypatch.setattr(sending, name, value)
    taken = []

    async def send(message):
        await asyncio.sleep(0.05)  # no single piece is late
        taken.append(message)

    with pytest.raises(StalledError):
        await sending.Outgoing().send(send, body_of(20))
    assert 1 < len(taken) < 10


@pytest.fixture
def take(monkeypatch):
    """Sends an answer of 20 pieces, each taken in `seconds`; there is room for two such answers.

    If all are quick, there is room for four. Those that take more than 0.13 s for a piece are slow.
    """
    monkeypatch.setattr(sending, "MAX_UNTAKEN_BYTES", 45 * sending.PIECE_BYTES)
    monkeypatch.setattr(sending, "MOST_UNTAKEN_BYTES", 90 * sending.PIECE_BYTES)
    monkeypatch.setattr(sending, "MIN_BYTES_PER_S", 1_000_000)
    monkeypatch.setattr(transfers, "_TOO_EARLY_S", 0.1)
    outgoing = sending.Outgoing()

    def take(seconds, pieces=20):
        async def send(_message):
            await asyncio.sleep(seconds)

        return asyncio.create_task(outgoing.send(send, body_of(pieces)))

    return take


async def test_where_answers_have_no_room_the_slowest_is_given_up(take):
    slow, quick = take(0.2), take(0.02)
    await asyncio.sleep(0.2)
    newest = take(0.02)

    with pytest.raises(StalledError):
        await asyncio.wait_for(slow, 0.2)
    await asyncio.gather(quick, newest)


async def test_quick_readers_are_not_cut_off_for_each_other(take):
    answers = []
    for _ in range(4):
        answers.append(take(0.03))
        await asyncio.sleep(0.12)

    await asyncio.gather(*answers)


async def test_where_quick_readers_fill_all_room_the_slowest_is_given_up(take):
    quick, slower = [take(0.02) for _ in range(3)], take(0.06)
    await asyncio.sleep(0.2)
    newest = take(0.02)

    await asyncio.gather(*quick, newest)
    with pytest.raises(StalledError):
        await slower


async def test_what_was_taken_makes_room(take):
    await asyncio.gather(take(0), take(0))

    await asyncio.gather(take(0.01), take(0.01))


async def test_an_answer_larger_than_all_room_is_sent_alone(take):
    slow = take(0.2)
    await asyncio.sleep(0.2)

    await take(0, pieces=60)

    assert isinstance(slow.exception(), StalledError)


async def test_who_leaves_halfway_is_counted_as_gone(make_api, ask, recorder):
    head, content = ask.split(b"\r\n\r\n", 1)
    scope = {"type": "http", "method": "POST", "path": "/v1/unmask", "query_string": b"format=png"}
    lines = [line.split(b": ") for line in head.lower().split(b"\r\n")[1:]]
    began = asyncio.Event()

    async def receive():
        return {"type": "http.request", "body": content}

    async def send(message):
        if message["type"] == "http.response.body":
            began.set()
            await asyncio.sleep(60)

    answer = asyncio.create_task(make_api()(scope | {"headers": lines}, receive, send))
    await began.wait()
    answer.cancel()
    await asyncio.wait([answer])

    assert recorder.requests == [("/v1/unmask", 499)]


async def test_a_short_body_goes_in_one_piece_and_a_long_one_whole():
    sent = []

    async def send(message):
        sent.append(message)

    short, long = b"a" * sending.HELD_BYTES, bytes(range(256)) * 1000
    outgoing = sending.Outgoing()
    await outgoing.send(send, {"type": "http.response.body", "body": short})
    assert sent == [{"type": "http.response.body", "body": short}]

    sent.clear()
    await outgoing.send(send, {"type": "http.response.body", "body": long})
    assert b"".join(message["body"] for message in sent) == long
    assert [message.get("more_body", False) for message in sent] == [True] * 2 + [False]
