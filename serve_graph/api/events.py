"""Server-sent events: an answer that reports each stage as it ends, then the result.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal

from pydantic import BaseModel
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

EVENTS = "text/event-stream"

Event = Literal["stage", "result", "problem"]


def frame(event: Event) -> tuple[bytes, bytes]:
    """The bytes before and after the data of an event."""
    return f"event: {event}\ndata: ".encode(), b"\n\n"


class EventStream:
    """Accepts events at any time and sends them in order; the first one starts the answer."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._events: asyncio.Queue[bytes | None] = asyncio.Queue()

    def put(self, event: Event, data: BaseModel | str) -> None:
        """Queues an event; a `str` must be JSON on one line."""
        text = data if isinstance(data, str) else data.model_dump_json(exclude_none=True)
        before, after = frame(event)
        self.put_framed(before + text.encode() + after)

    def put_framed(self, event: bytes) -> None:
        """Queues an event that has its frame: a large one isn't copied."""
        self._events.put_nowait(event)

    def end(self) -> None:
        """Says that no event follows."""
        self._events.put_nowait(None)

    async def write(self, headers: list[tuple[bytes, bytes]]) -> None:
        """Sends events until the end, or nothing if there were none."""
        while (event := await self._events.get()) is not None:
            if headers:
                await self._send({"type": "http.response.start", "status": 200, "headers": headers})
                headers = []
            await self._send({"type": "http.response.body", "body": event, "more_body": True})
        if not headers:
            await self._send({"type": "http.response.body", "body": b""})


class EventsResponse(Response):
    """Does the work while it streams; an error before the first event gets a normal answer.

    Args:
        work: puts events into the stream that it gets.
    """

    media_type = EVENTS

    def __init__(self, work: Callable[[EventStream], Awaitable[None]]) -> None:
        super().__init__(headers={"X-Accel-Buffering": "no"})  # for proxies
        del self.headers["Content-Length"]
        self._work = work

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        stream = EventStream(send)
        writer = asyncio.create_task(stream.write(self.raw_headers))
        try:
            await self._work(stream)
            stream.end()
            await writer
        except BaseException:
            writer.cancel()  # a stream that has begun is cut off, without a proper end
            raise
        finally:
            del writer  # its error would keep the answer, in a cycle with this frame
