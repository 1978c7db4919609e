"""The signals that ask a long command to stop."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

STOPS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def stops_to(handler: Callable[[int, FrameType | None], Any]) -> Iterator[None]:
    """Sends them to `handler` in this block."""
    before = {number: signal.signal(number, handler) for number in STOPS}
    try:
        yield
    finally:
        for number, own in before.items():
            signal.signal(number, own)
