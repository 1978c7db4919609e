"""Threads that compute give way to those that answer: refusals are quick even on full cores."""

import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_NICER = 5  # than the process's main thread: a third of its share when both want a core
_NICEST = 19


def run_niced(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Does work in the calling thread, which from now on yields to the process's event loops.

    For threads that do nothing else; threads that they start inherit the niceness. On systems other
    than Linux, niceness belongs to the whole process, so nothing changes. Nor does it where that
    isn't allowed, as when the process's own niceness was lowered after its start.
    """
    if sys.platform == "linux":
        own = os.getpriority(os.PRIO_PROCESS, os.getpid())
        nicer = min(own + _NICER, _NICEST)
        with suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), nicer)
    return work(*args, **kwargs)
