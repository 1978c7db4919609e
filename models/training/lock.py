"""Makes processes take turns, such as trainings that share a cache."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(path: Path, wait_for: str) -> Iterator[None]:
    """Keeps other processes out of this block; also released if the process dies.

    Args:
        path: the lock file, the same for all processes that take turns.
        wait_for: what the other process is doing, for the line that a waiting one prints.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"waiting for another run: {wait_for}", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
