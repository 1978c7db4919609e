"""Runs blocking work in threads: by default `asyncio.to_thread`, in the API a request's threads."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Runner(Protocol):
    """Runs work in a thread and waits for it, like `asyncio.to_thread`.

    A cancelled caller stops waiting immediately, but its thread runs on; a runner may count those.
    """

    async def __call__(self, work: Callable[..., T], /, *args: Any, **kwargs: Any) -> T: ...


async def all_of(jobs: Iterable[Coroutine[object, object, T]]) -> list[T]:
    """Results in order; the first error cancels the rest, so that no work is wasted."""
    failed: list[BaseException] = []
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(job) for job in jobs]
    except BaseExceptionGroup as errors:
        failed.append(errors.exceptions[0])
        errors.__traceback__ = None
    if failed:
        # No cycle may keep the error: the frames of its traceback hold pictures.
        tasks.clear()
        raise failed.pop()
    return [task.result() for task in tasks]
