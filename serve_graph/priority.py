"""Threads that compute let those that answer go first: on full cores, too, a refusal is quick."""

import os
import sys
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_NICER = 5  # than the process's first thread: a third of its share where both want a core
_NICEST = 19


def behind(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Does work in the calling thread, which stays behind the process's event loops from now on.

    For threads that do nothing else. Those that such a thread starts are like it. Elsewhere than
    on Linux the niceness is the whole process's, and nothing changes.
    """
    if sys.platform == "linux":
        own = os.getpriority(os.PRIO_PROCESS, os.getpid())
        nicer = min(own + _NICER, _NICEST)
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), nicer)
    return work(*args, **kwargs)
