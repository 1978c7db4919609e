"""Sends answers no faster than their clients read them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import Message, Send

from serve_graph.api.transfers import MIN_BYTES_PER_S, StalledError, Transfer, slowest
from serve_graph.settings import MAX_TAKING_S

HELD_BYTES = 65_536  # uvicorn's buffer for a client: while it holds more, the next `send` waits
PIECE_BYTES = 2 * HELD_BYTES  # smaller pieces cost more CPU
MAX_STALL_S = 30.0  # for a piece: a client that reads nothing for this long counts as gone
MAX_UNTAKEN_BYTES = 200_000_000  # of all answers being sent: above, slow readers are given up
MOST_UNTAKEN_BYTES = 500_000_000  # above, the slowest is given up, however quick


class Outgoing:
    """The answers of one replica that their clients are reading.

    They hold no place, so slow readers don't keep others from being served.
    """

    def __init__(self) -> None:
        self._untaken: dict[Transfer, int] = {}  # size of each answer

    async def send(self, send: Send, message: Message) -> None:
        """Sends a message of an answer; on return at most `HELD_BYTES` of it are still held here.

        A server accepts all that one `send` gives it and waits for the client only in the next
        one. So a long body is sent in pieces, and its end in a message of its own.

        Raises:
            StalledError: the client didn't read a piece within `MAX_STALL_S`, read the whole more
                slowly than `MIN_BYTES_PER_S` or not within `MAX_TAKING_S`, or another answer
                needed room.
        """
        body = message.get("body", b"")
        if len(body) <= HELD_BYTES:
            await _send(send, message)
            return
        async with self._taking(len(body)) as answer:
            for start in range(0, len(body), PIECE_BYTES):
                piece = body[start : start + PIECE_BYTES]
                await _send(send, {**message, "body": piece, "more_body": True})
                answer.moved(len(piece))
            if not message.get("more_body", False):
                await _send(send, {**message, "body": b""})

    @asynccontextmanager
    async def _taking(self, size: int) -> AsyncIterator[Transfer]:
        self._make_room(size)
        answer = Transfer(min(MAX_STALL_S + size / MIN_BYTES_PER_S, MAX_TAKING_S))
        self._untaken[answer] = size
        try:
            async with answer.limit():
                yield answer
        finally:
            self._untaken.pop(answer, None)

    def _make_room(self, size: int) -> None:
        while self._untaken:
            last = slowest(self._untaken)
            is_slow = last.bytes_per_s < MIN_BYTES_PER_S
            room = MAX_UNTAKEN_BYTES if is_slow else MOST_UNTAKEN_BYTES
            if sum(self._untaken.values()) + size <= room:
                return
            last.give_up()
            del self._untaken[last]


async def _send(send: Send, message: Message) -> None:
    try:
        async with asyncio.timeout(MAX_STALL_S):
            await send(message)
    except TimeoutError:
        raise StalledError from None
