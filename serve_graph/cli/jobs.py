"""Calls a function for each of many paths, in this process or in several."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from models.errors import Mask2FaceError

Work = Callable[[Path], str | None]
Call = Callable[[], str | None]

_work: Work  # of this process, if it is one of several


class KilledError(Mask2FaceError):
    """One of several processes was killed."""


@contextmanager
def calls_of(work: Work, paths: Sequence[Path], jobs: int) -> Iterator[Iterable[Call]]:
    """One call for each path, to be made in this order.

    Args:
        work: what is called. With several jobs it is pickled, and each process calls its own copy.
        paths: its arguments.
        jobs: processes that work ahead, on one thread each; 1: the calls run in this process. All
            end with the block, at once if it fails.

    Raises:
        KilledError: one of the processes was killed.
    """
    if min(jobs, len(paths)) < 2:
        yield (partial(work, path) for path in paths)
        return
    spawned = multiprocessing.get_context("spawn")  # forks of a process with torch may hang
    pool = ProcessPoolExecutor(min(jobs, len(paths)), spawned, _begin, (work,))
    try:
        yield _submit(pool, paths)
    except BrokenProcessPool:
        raise KilledError(
            "One of the processes was killed, perhaps for want of memory: choose fewer --jobs. "
            "With --skip-existing, photos that are done stay as they are."
        ) from None
    except BaseException:
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _submit(pool: ProcessPoolExecutor, paths: Sequence[Path]) -> list[Call]:
    """Starts the processes, too; only this one reacts to Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # inherited
    try:
        return [pool.submit(_call, path).result for path in paths]
    finally:
        signal.signal(signal.SIGINT, before)


def _begin(work: Work) -> None:
    global _work
    _work = work
    threading.Thread(target=_end_with_parent, daemon=True).start()

    import cv2
    import torch

    torch.set_num_threads(1)
    cv2.setNumThreads(1)


def _end_with_parent() -> None:
    """Else a process whose parent was killed would wait for ever."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _call(path: Path) -> str | None:
    return _work(path)
