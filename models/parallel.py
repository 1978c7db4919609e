"""Threads: the same small work for each item of a batch; loading nets without leftover threads."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from typing import TypeVar

import torch

R = TypeVar("R")


def parallel_map(work: Callable[..., R], *columns: Iterable[object]) -> list[R]:
    """Calls `work` with the first items of all columns, with the second ones, and so on.

    It runs on `torch.get_num_threads()` threads, so `work` should be done by numpy and OpenCV,
    which let other threads run meanwhile.

    Returns:
        The results in the order of the items.
    """
    rows = list(zip(*columns, strict=True))
    threads = min(len(rows), torch.get_num_threads())
    if threads < 2:
        return [work(*row) for row in rows]
    return list(_pool(torch.get_num_threads()).map(lambda row: work(*row), rows))


@contextmanager
def on_one_thread() -> Iterator[None]:
    """For loading nets: torch computes on the calling thread only, and as before afterwards.

    OpenMP keeps helpers for each thread that has ever called torch on several threads. Those of a
    loading thread have nothing to do later. But once a process has more OpenMP threads than cores,
    all of them sleep between two layers: on two threads, nets then take 1.6 times as long.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@lru_cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="parallel")
