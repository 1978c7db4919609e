"""A small HTTP/1.1 client for senders that share their cores with the server.

It writes messages that were encoded beforehand and reads answers with a length or in chunks:
no redirects, no compression. A request costs a fraction of a millisecond of CPU, plus what the
kernel needs to move its bytes; with TLS some milliseconds more, for the handshake.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

BUFFER_BYTES = 1 << 22  # of an answer that asyncio buffers before it pauses reading
_BOUNDARY = b"mask2face-load-test-d2f1c9"


class LostError(Exception):
    """No complete answer: refused, reset, cut off, or not within the timeout."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A server's answer."""

    status: int
    headers: dict[str, str]  # names in lower case; if one occurs twice, the last
    body: bytes


async def ask(url: str, message: bytes, timeout_s: float = 30.0) -> Answer:
    """Sends an encoded request, see `encode`, and returns its answer.

    Each request has a connection of its own, as from a separate caller. Connections that are kept
    would tie all callers of a test to the workers of a server that happened to accept them.

    Args:
        url: `http://host:port` or `https://host`; its path, if any, belongs into the message.
        message: the encoded request.
        timeout_s: after which it counts as lost; this bounds how many are in flight.

    Raises:
        LostError: no complete answer.
    """
    parts = urlsplit(url)
    tls = _tls() if parts.scheme == "https" else None
    host, port = parts.hostname or "127.0.0.1", parts.port or (443 if tls else 80)
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(host, port, limit=BUFFER_BYTES, ssl=tls)
            try:
                return await _exchange(reader, writer, message)
            finally:
                writer.close()
    except (OSError, EOFError, ValueError, IndexError, asyncio.LimitOverrunError) as error:
        raise LostError(f"{type(error).__name__}: {error}") from None


@cache
def _tls() -> ssl.SSLContext:
    """Trusts what the system trusts, or SSL_CERT_FILE."""
    return ssl.create_default_context()


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, message: bytes
) -> Answer:
    writer.write(message)  # no drain: a refusal may come before everything is written
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    status = int(head[0].split(" ", 2)[1])
    headers = {}
    for line in head[1:-2]:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return Answer(status, headers, await _read_chunks(reader))
    if "content-length" not in headers:  # the end of the connection ends the answer
        return Answer(status, headers, await reader.read())
    return Answer(status, headers, await reader.readexactly(int(headers["content-length"])))


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    parts = []
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        parts.append(await reader.readexactly(size))
        await reader.readexactly(2)
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass  # trailers
    return b"".join(parts)


def encode(
    method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b""
) -> bytes:
    """A complete HTTP/1.1 request, to be sent any number of times; its Host is localhost unless
    `headers` names another."""
    all_headers = {"Host": "localhost", "Content-Length": len(body), **(headers or {})}
    lines = [f"{name}: {value}" for name, value in all_headers.items()]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode("latin-1") + body


def encode_form(
    path: str,
    files: Mapping[str, bytes],
    fields: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """A POST of a multipart form, as for /v1/unmask.

    Args:
        path: including the query, if there is one.
        files: JPEGs by field name.
        fields: other fields.
        headers: in addition to those that the form needs.
    """
    parts = [
        (f'name="{name}"; filename="{name}.jpg"\r\nContent-Type: image/jpeg', content)
        for name, content in files.items()
    ]
    parts += [(f'name="{name}"', value.encode()) for name, value in (fields or {}).items()]
    body = b"".join(
        b"--%b\r\nContent-Disposition: form-data; %b\r\n\r\n%b\r\n"
        % (_BOUNDARY, description.encode(), content)
        for description, content in parts
    )
    form = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY.decode()}"}
    return encode("POST", path, form | dict(headers or {}), body + b"--%b--\r\n" % _BOUNDARY)


async def wait_until_ready(url: str, path: str, timeout_s: float) -> None:
    """Waits until GET `path` answers 200.

    Raises:
        TimeoutError: it didn't within `timeout_s`.
    """
    async with asyncio.timeout(timeout_s):
        while True:
            with contextlib.suppress(LostError):
                if (await ask(url, encode("GET", path), timeout_s=5.0)).status == 200:
                    return
            await asyncio.sleep(0.1)
