"""Makes processes take turns, such as trainings that share a cache."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(path: Path, wait_for: str) -> Iterator[None]:
    """Keeps others out until the end, or until this process has ended, however it does.

    Args:
        path: the lock's file, the same for all who take turns.
        wait_for: what another does meanwhile, for the line that a waiting process prints.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"waiting for another run: {wait_for}", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
