"""Watches over a running service: a signal to end it, and the death of Ray's own processes."""

import os
import signal
import threading
import time
from typing import Any, cast

WATCH_S = 1.0


def wait_for_end() -> str | None:
    """Waits for a signal, or for one of Ray's own processes to die; returns its name then."""
    # Ray's own SIGTERM handler would end the process immediately.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        while not (died := what_died()):
            time.sleep(WATCH_S)
    except KeyboardInterrupt:
        return None
    return died


def what_died() -> str | None:
    """The raylet or GCS if it has died: without them, Serve replaces nothing that dies.

    They are children of this process, so their death is noticed however busy the machine is.
    """
    from ray._private.worker import global_worker

    node = cast("Any", global_worker.node)
    kinds = ("raylet", "gcs_server") if node and hasattr(os, "waitid") else ()  # macOS has none
    children = [(kind, one.process) for kind in kinds for one in node.all_processes.get(kind, ())]
    return next((kind for kind, process in children if _has_ended(process.pid)), None)


def _has_ended(child: int) -> bool:
    # Popen.poll would reap the child: Ray's other processes would then notice its death and end
    # immediately, with everything they hold.
    try:
        return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True  # already reaped


def exit_at_last(seconds: float) -> None:
    """Ends this process after `seconds`: any call to a Ray that has lost a process may hang."""
    timer = threading.Timer(seconds, os._exit, (1,))
    timer.daemon = True
    timer.start()
