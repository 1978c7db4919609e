"""What HAProxy still forwards at the end, with the real HAProxy that Ray ships."""

import asyncio
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from serve_graph.door import requests_in, stop_haproxy, wait_for_clients
from serve_graph.flags import CONFIG, SOCKET, WRAPPER, find_haproxy, free_port
from serve_graph.problems import MEDIA_TYPE, Problem

HAPROXY = find_haproxy(os.environ)
BIG = b"x" * 20_000_000  # more than all buffers along the way hold
SESSIONS = """\
0x3ff90dd0: proto=tcpv4 src=10.0.0.1:59250 fe=f be=http-app srv=replica-1 ts=00 age=1h2m cpu=0
0x3ff90dd1: proto=tcpv4 src=10.0.0.1:59251 fe=f be=http-app srv=replica-2 ts=00 age=1m5s cpu=0
0x3ff90dd2: proto=tcpv4 src=10.0.0.1:59252 fe=f be=http-other srv=<none> ts=00 age=5s cpu=0
0x3ff90dd3: proto=tcpv4 src=10.0.0.1:59253 fe=metrics be=<NONE> srv=<none> ts=00 age=7s cpu=0
0x3ff90840: proto=unix_stream src=unix:1 fe=GLOBAL be=<NONE> srv=<none> ts=00 age=0s cpu=0

Name: HAProxy
Pid: 77
"""


@pytest.fixture
def folder(monkeypatch):
    # Socket paths must be short.
    path = Path(tempfile.mkdtemp(dir="/tmp"))
    (path / "node").mkdir()
    monkeypatch.setenv(SOCKET, str(path / "admin.sock"))
    monkeypatch.setenv(CONFIG, str(path / "haproxy.cfg"))
    yield path / "node"
    shutil.rmtree(path)


@pytest.fixture
async def door(folder):
    """A HAProxy in front of a server that answers with `BIG`; Ray too reloads it like this."""

    async def answer(reader, writer):
        is_refused = (await reader.readuntil(b"\r\n\r\n")).startswith(b"GET /refused")
        await asyncio.sleep(0.3 * is_refused)
        body = b"" if is_refused else BIG
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    behind, port = server.sockets[0].getsockname()[1], free_port()
    (folder / "haproxy.cfg").write_text(
        f"global\n  stats socket {folder}/admin.sock level admin expose-fd listeners\n"
        "defaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n"
        "  option idle-close-on-response\n"
        f"frontend front\n  bind 127.0.0.1:{port}\n  default_backend app\n"
        f"backend app\n  server one 127.0.0.1:{behind}\n"
    )
    processes = []

    async def start(*options):
        call = [HAPROXY, "-f", folder / "haproxy.cfg", "-db", *options]
        processes.append(subprocess.Popen(call))
        while not await answers(folder / "admin.sock", processes[-1]):
            assert processes[-1].poll() is None
            await asyncio.sleep(0.05)

    async def reload():
        await start("-sf", str(processes[-1].pid), "-x", folder / "admin.sock")

    await start()
    yield SimpleNamespace(port=port, reload=reload, processes=processes)
    for process in processes:
        process.kill()
        process.wait()
    server.close()


async def answers(path, process):
    """Whether this process, not one before it, answers commands on the socket."""
    try:
        reader, writer = await asyncio.open_unix_connection(path)
    except OSError:
        return False
    writer.write(b"show info\n")
    information = (await reader.read()).decode()
    writer.close()
    return f"Pid: {process.pid}\n" in information


async def begin_to_take_an_answer(door, connection="close", path="/"):
    """Reads the head of an answer but not most of its body; the writer keeps the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port, limit=65_536)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: {connection}\r\n\r\n".encode())
    await reader.readuntil(b"\r\n\r\n")
    return reader, writer


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


@pytest.mark.skipif(HAPROXY is None, reason="Ray brings HAProxy for Linux only")
async def test_a_slow_client_of_a_door_before_its_reload_is_waited_for_too(door):
    reader, _writer = await begin_to_take_an_answer(door)
    await door.reload()

    waiting = asyncio.create_task(wait_for_clients())
    await asyncio.sleep(0.5)
    assert not waiting.done()
    assert len(await reader.readexactly(len(BIG))) == len(BIG)
    await asyncio.wait_for(waiting, 5)


@pytest.mark.skipif(HAPROXY is None, reason="Ray brings HAProxy for Linux only")
async def test_a_client_that_only_keeps_its_connection_is_not_waited_for(door):
    reader, _writer = await begin_to_take_an_answer(door, "keep-alive")
    await reader.readexactly(len(BIG))
    await door.reload()

    await asyncio.wait_for(wait_for_clients(), 5)
    assert door.processes[0].poll() is None  # the connection is still open


@pytest.mark.skipif(HAPROXY is None, reason="Ray brings HAProxy for Linux only")
async def test_callers_that_keep_asking_are_not_waited_for_but_those_before_them_are(door):
    reader, _writer = await begin_to_take_an_answer(door)

    async def ask_again(pause_s):
        await asyncio.sleep(pause_s)
        while True:
            await begin_to_take_an_answer(door, path="/refused")

    async with asyncio.TaskGroup() as group:
        asking = [group.create_task(ask_again(pause_s)) for pause_s in (0, 0.1, 0.2, 0.3)]
        waiting = group.create_task(wait_for_clients())
        await asyncio.sleep(4)  # HAProxy tells ages in whole seconds
        assert not waiting.done()
        assert len(await reader.readexactly(len(BIG))) == len(BIG)
        await asyncio.wait_for(waiting, 5)
        for task in asking:
            task.cancel()


@pytest.mark.skipif(HAPROXY is None, reason="Ray brings HAProxy for Linux only")
async def test_a_door_that_closes_answers_what_is_in_and_takes_nothing_new(door):
    reader, _writer = await begin_to_take_an_answer(door)

    closing = asyncio.create_task(stop_haproxy())
    await asyncio.sleep(0.5)
    assert not closing.done()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", door.port)
    assert len(await reader.readexactly(len(BIG))) == len(BIG)
    await asyncio.wait_for(closing, 5)


@pytest.mark.skipif(HAPROXY is None, reason="Ray brings HAProxy for Linux only")
@pytest.mark.usefixtures("door")
async def test_a_door_that_has_just_died_needs_no_closing(monkeypatch):
    def find(_pid):
        raise ProcessLookupError

    monkeypatch.setattr(os, "pidfd_open", find)

    await asyncio.wait_for(stop_haproxy(), 5)


async def test_where_haproxy_is_not_the_door_nothing_is_waited_for(monkeypatch):
    monkeypatch.delenv(SOCKET, raising=False)

    await asyncio.wait_for(wait_for_clients(), 1)


async def test_a_haproxy_that_died_is_not_waited_for(folder):
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(folder / "admin.sock"))

    await asyncio.wait_for(wait_for_clients(), 1)


@pytest.mark.parametrize(
    ("least_age_s", "count"), [(0, 3), (5, 3), (6, 2), (65, 2), (66, 1), (3720, 1), (3721, 0)]
)
def test_requests_of_replicas_that_are_old_enough_are_counted(least_age_s, count):
    assert requests_in(SESSIONS, least_age_s) == count


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
    # A page of another origin may read it too.
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Access-Control-Expose-Headers"] == "Retry-After"
    assert Problem.model_validate_json(answer.content).type == "/problems/not-ready"
