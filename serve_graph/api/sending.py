"""Sends an answer no faster than its client takes it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import Message, Send

HELD_BYTES = 65_536  # uvicorn holds so much for a client; with more of it, the next `send` waits
PIECE_BYTES = 2 * HELD_BYTES  # smaller ones cost more CPU
MAX_STALL_S = 30.0  # for a piece: whoever takes nothing for so long counts as gone
MIN_BYTES_PER_S = 32_000  # of the whole: answers must not pile up behind the slowest phones


class StalledError(Exception):
    """The client takes nothing any more, or next to nothing."""


async def send_as_taken(send: Send, message: Message) -> None:
    """Sends a message of an answer; at the end at most `HELD_BYTES` of it are still held here.

    A server takes whatever one `send` gives it, and waits for the client only in the next one. So
    a long body goes in pieces, and its end in a message of its own.

    Raises:
        StalledError: the client took no piece within `MAX_STALL_S`, or all of them more slowly
            than `MIN_BYTES_PER_S`.
    """
    body = message.get("body", b"")
    if len(body) <= HELD_BYTES:
        await _send(send, message)
        return
    async with _within(MAX_STALL_S + len(body) / MIN_BYTES_PER_S):
        for start in range(0, len(body), PIECE_BYTES):
            piece = body[start : start + PIECE_BYTES]
            await _send(send, {**message, "body": piece, "more_body": True})
        if not message.get("more_body", False):
            await _send(send, {**message, "body": b""})


async def _send(send: Send, message: Message) -> None:
    async with _within(MAX_STALL_S):
        await send(message)


@asynccontextmanager
async def _within(seconds: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise StalledError from None
