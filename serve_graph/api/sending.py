"""Sends an answer no faster than its client takes it."""

import asyncio

from starlette.types import Message, Send

PIECE_BYTES = 65_536  # a server that holds more than this for a client lets the next `send` wait
MAX_STALL_S = 30.0  # that a client may take nothing


class StalledError(Exception):
    """The client takes nothing any more."""


async def send_as_taken(send: Send, message: Message) -> None:
    """Sends a message of an answer; after the last one all but a piece of the body is on its way.

    A server takes whatever one `send` gives it, and waits for the client only in the next one. So
    a long body goes in pieces, and its end in a message of its own.

    Raises:
        StalledError: the client took nothing for `MAX_STALL_S`.
    """
    body = message.get("body", b"")
    if len(body) <= PIECE_BYTES:
        await _send(send, message)
        return
    for start in range(0, len(body), PIECE_BYTES):
        piece = body[start : start + PIECE_BYTES]
        await _send(send, {**message, "body": piece, "more_body": True})
    if not message.get("more_body", False):
        await _send(send, {**message, "body": b""})


async def _send(send: Send, message: Message) -> None:
    try:
        async with asyncio.timeout(MAX_STALL_S):
            await send(message)
    except TimeoutError:
        raise StalledError from None
