"""Waits for what a test needs to have happened."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def wait_for(find: Callable[[], Found], timeout_s: float = 60.0, poll_s: float = 0.5) -> Found:
    """What `find` returns, as soon as that is true; fails the test if it doesn't become so."""
    __tracebackhide__ = True  # pytest then shows what the caller was waiting for
    end = time.monotonic() + timeout_s
    while not (found := find()):
        assert time.monotonic() < end, f"not within {timeout_s:g} s"
        time.sleep(poll_s)
    return found
