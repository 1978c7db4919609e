"""The same small work for each item of a batch, on as many cores as a call may take."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

import torch

R = TypeVar("R")


def each(work: Callable[..., R], *columns: Iterable[object]) -> list[R]:
    """`work` of the first items of all columns, of the second ones, and so on.

    On `torch.get_num_threads()` threads, so it should be work that numpy and OpenCV do: they let
    other threads run meanwhile.

    Returns:
        The results in the order of the items.
    """
    rows = list(zip(*columns, strict=True))
    threads = min(len(rows), torch.get_num_threads())
    if threads < 2:
        return [work(*row) for row in rows]
    return list(_pool(torch.get_num_threads()).map(lambda row: work(*row), rows))


@lru_cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="each")
