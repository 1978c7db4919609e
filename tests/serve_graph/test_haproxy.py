"""What the real HAProxy that Ray ships passes on and logs, with the rules of haproxy.sh."""

import asyncio
import os
import re
import socket
import subprocess
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest

from serve_graph.flags import WRAPPER, find_haproxy, free_port

HAPROXY = find_haproxy(os.environ)
RAY = Path(find_spec("ray").origin).parent
TEMPLATE = RAY / "serve" / "_private" / "haproxy_templates.py"

pytestmark = pytest.mark.skipif(HAPROXY is None, reason="Ray brings HAProxy for Linux only")


def log_format():
    """The line of Ray's config from which it counts requests."""
    (line,) = re.findall(r"log-format-sd .*", TEMPLATE.read_text())
    return re.sub(r"{% if .*? %}.*?{% endif %}", "", line)


@asynccontextmanager
async def client_of(folder, heads):
    """Calls a server that notes the head of each request, through HAProxy."""
    config, port = folder / "haproxy.cfg", free_port()

    async def answer(reader, writer):
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower())
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    config.write_text(
        "defaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n"
        "  option httplog\n"
        f"frontend http_frontend\n  bind 127.0.0.1:{port}\n"
        f"    log {folder / 'log'} len 8192 format rfc5424 local1 debug\n    {log_format()}\n"
        "  default_backend http-app\n"
        f"backend http-app\n  server one 127.0.0.1:{server.sockets[0].getsockname()[1]}\n"
    )
    process = subprocess.Popen([WRAPPER, "-f", config, "-db"])
    try:
        transport = httpx.AsyncHTTPTransport(retries=6)
        async with httpx.AsyncClient(
            transport=transport, base_url=f"http://127.0.0.1:{port}"
        ) as client:
            yield client
    finally:
        process.terminate()
        process.wait()
        server.close()


@pytest.mark.parametrize(
    ("sent", "arrives"),
    [
        ([b""], False),
        ([b"mine-7"], True),
        ([b"mine 7, yours"], True),
        ([], False),
        ([b"caf\xe9"], False),
        ([b"one", b"two"], False),
    ],
)
async def test_a_request_id_that_serve_would_read_otherwise_is_not_passed_on(
    tmp_path, sent, arrives
):
    heads = []
    async with client_of(tmp_path, heads) as client:
        await client.get("/", headers=[(b"X-Request-ID", one) for one in sent])

    assert ["x-request-id" in head for head in heads] == [arrives]
    if arrives:
        assert f"x-request-id: {sent[0].decode()}\r" in heads[0]


@pytest.mark.parametrize(
    ("name", "arrives"),
    [
        ("X-Session-Id", False),
        ("x_session_id", False),
        ("Serve-Multiplexed-Model-Id", False),
        ("serve_multiplexed_model_id", False),
        ("X-Request-Timeout-Seconds", False),
        ("X-Request-Disconnect-Disabled", False),
        ("X-Request-Timeout-Ms", True),
        ("Their-X-Session-Id", True),
    ],
)
async def test_a_header_that_would_steer_serve_is_not_passed_on(tmp_path, name, arrives):
    heads = []
    async with client_of(tmp_path, heads) as client:
        await client.get("/", headers=[(name.encode(), b"caf\xe9")])

    assert [f"\n{name.lower()}: " in head for head in heads] == [arrives]


@pytest.mark.parametrize(
    ("method", "counted"), [("GET", "GET"), ("POST", "POST"), ("FOO7", "other")]
)
async def test_a_method_that_nobody_knows_adds_no_series(tmp_path, method, counted):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind(str(tmp_path / "log"))
        log.settimeout(5)
        async with client_of(tmp_path, []) as client:
            await client.request(method, "/")
            line = await asyncio.to_thread(log.recv, 8192)

    assert f'method="{counted}"'.encode() in line
