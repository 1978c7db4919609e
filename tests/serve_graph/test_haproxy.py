"""What the real HAProxy that Ray ships passes on, with the rules of haproxy.sh."""

import asyncio
import os
import subprocess

import httpx
import pytest

from serve_graph.flags import WRAPPER, find_haproxy, free_port

HAPROXY = find_haproxy(os.environ)


@pytest.mark.asyncio
@pytest.mark.skipif(HAPROXY is None, reason="Ray brings HAProxy for Linux only")
@pytest.mark.parametrize(("sent", "arrives"), [("", False), ("mine-7", True), (None, False)])
async def test_an_empty_request_id_is_not_passed_on(tmp_path, sent, arrives):
    config, port, heads = tmp_path / "haproxy.cfg", free_port(), []

    async def answer(reader, writer):
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode().lower())
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    config.write_text(
        "defaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n"
        f"frontend http_frontend\n  bind 127.0.0.1:{port}\n  default_backend http-app\n"
        f"backend http-app\n  server one 127.0.0.1:{server.sockets[0].getsockname()[1]}\n"
    )
    process = subprocess.Popen([WRAPPER, "-f", config, "-db"])
    try:
        async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(retries=6)) as client:
            headers = {} if sent is None else {"X-Request-ID": sent}
            await client.get(f"http://127.0.0.1:{port}/", headers=headers)
    finally:
        process.terminate()
        process.wait()
        server.close()

    assert [f"x-request-id: {sent}" in head for head in heads] == [arrives]
    assert ["x-request-id" in head for head in heads] == [arrives]
