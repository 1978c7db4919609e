"""What HAProxy still forwards at the end, with the real HAProxy that Ray ships."""

import asyncio
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from serve_graph.door import close_doors, requests_in, wait_for_clients
from serve_graph.flags import SOCKET, WRAPPER, find_haproxy, free_port
from serve_graph.problems import MEDIA_TYPE, Problem

HAPROXY = find_haproxy(os.environ)
BIG = b"x" * 20_000_000  # more than all buffers along the way hold
STATISTICS = """\
# pxname,svname,qcur,scur,
metrics,FRONTEND,,7,
http-app,replica-1,0,2,
http-app,replica-2,0,1,
http-app,BACKEND,0,3,
http-other,BACKEND,0,1,

"""


@pytest.fixture
def folder(monkeypatch):
    # Socket paths must be short.
    path = Path(tempfile.mkdtemp(dir="/tmp"))
    (path / "node").mkdir()
    monkeypatch.setenv(SOCKET, str(path / "admin.sock"))
    yield path / "node"
    shutil.rmtree(path)


@pytest_asyncio.fixture
async def door(folder):
    """The port of a HAProxy in front of a server that answers with `BIG`."""

    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(BIG)}\r\n\r\n".encode() + BIG)
        await writer.drain()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    behind, port = server.sockets[0].getsockname()[1], free_port()
    (folder / "haproxy.cfg").write_text(
        f"global\n  stats socket {folder}/admin.sock level admin\n"
        "defaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n"
        f"frontend front\n  bind 127.0.0.1:{port}\n  default_backend app\n"
        f"backend app\n  server one 127.0.0.1:{behind}\n"
    )
    process = subprocess.Popen([HAPROXY, "-f", folder / "haproxy.cfg", "-db"])
    while not (folder / "admin.sock").exists():
        assert process.poll() is None
        await asyncio.sleep(0.05)
    yield port
    process.kill()
    process.wait()
    server.close()


async def begin_to_take_an_answer(door):
    """Reads the head of an answer but not most of its body; the writer keeps the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", door, limit=65_536)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    return reader, writer


@pytest.mark.asyncio
@pytest.mark.skipif(HAPROXY is None, reason="Ray brings HAProxy for Linux only")
async def test_the_end_waits_for_a_client_that_takes_its_answer_slowly(door):
    await asyncio.wait_for(wait_for_clients(), 5)  # there are no clients
    reader, _writer = await begin_to_take_an_answer(door)

    waiting = asyncio.create_task(wait_for_clients())
    await asyncio.sleep(0.5)
    assert not waiting.done()
    while await reader.read(1_000_000):
        pass
    await asyncio.wait_for(waiting, 5)


@pytest.mark.asyncio
@pytest.mark.skipif(HAPROXY is None, reason="Ray brings HAProxy for Linux only")
async def test_a_door_that_closes_answers_what_is_in_and_takes_nothing_new(door):
    reader, _writer = await begin_to_take_an_answer(door)

    closing = asyncio.create_task(close_doors())
    await asyncio.sleep(0.5)
    assert not closing.done()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", door)
    assert len(await reader.readexactly(len(BIG))) == len(BIG)
    await asyncio.wait_for(closing, 5)


@pytest.mark.asyncio
async def test_where_haproxy_is_not_the_door_nothing_is_waited_for(monkeypatch):
    monkeypatch.delenv(SOCKET, raising=False)

    await asyncio.wait_for(wait_for_clients(), 1)


@pytest.mark.asyncio
async def test_a_haproxy_that_died_is_not_waited_for(folder):
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(folder / "admin.sock"))

    await asyncio.wait_for(wait_for_clients(), 1)


def test_only_whole_applications_are_counted():
    assert requests_in(STATISTICS.splitlines()) == 4


@pytest.mark.asyncio
async def test_where_no_replica_is_reached_callers_are_told_to_come_again(folder):
    config, port, closed = folder / "haproxy.cfg", free_port(), free_port()
    (folder / "500.http").write_text("HTTP/1.1 500 Internal Server Error\r\n\r\n")
    config.write_text(
        "defaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n"
        f"  errorfile 502 {folder}/500.http\n  errorfile 503 {folder}/500.http\n"
        f"frontend front\n  bind 127.0.0.1:{port}\n  default_backend http-app\n"
        f"backend http-app\n  server one 127.0.0.1:{closed}\n"
    )
    process = subprocess.Popen([WRAPPER, "-f", config, "-db"])
    try:
        async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(retries=6)) as client:
            answer = await client.get(f"http://127.0.0.1:{port}/")
    finally:
        process.terminate()
        process.wait()

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert answer.headers["Content-Type"] == MEDIA_TYPE
    assert Problem.model_validate_json(answer.content).type == "/problems/not-ready"
