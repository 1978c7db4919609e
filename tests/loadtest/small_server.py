"""An HTTP server whose behaviour the test defines, on its own thread."""

import asyncio
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

# Gets a request's number and body; returns the raw answer, or nothing to hang up.
Behaviour = Callable[[int, bytes], Awaitable[bytes]]


def raw(status: int = 200, body: bytes = b"picture") -> bytes:
    """An answer in its wire format."""
    head = f"HTTP/1.1 {status} Said So\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class SmallServer:
    """Counts requests and connections, and keeps the requests' heads."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self.requests = 0
        self.connections = 0
        self.heads: list[str] = []  # of the requests: first line and headers
        self.url = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]
                body = await reader.readexactly(int(length))
                self.heads.append(head.decode())
                number, self.requests = self.requests, self.requests + 1
                answer = await self._behaviour(number, body)
                if not answer:
                    break
                writer.write(answer)
        except (asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()


@contextmanager
def serving(behaviour: Behaviour, certificate: Path | None = None) -> Iterator[SmallServer]:
    """Runs the server while the block runs; with TLS if given a folder with a certificate."""
    tls = None
    if certificate:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(certificate / "crt", certificate / "key")
    server = SmallServer(behaviour)
    loop = asyncio.new_event_loop()
    listening = loop.run_until_complete(
        asyncio.start_server(server.handle, "127.0.0.1", 0, ssl=tls)
    )
    server.url = f"http{'s' if tls else ''}://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        listening.close()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
