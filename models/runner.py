"""Who runs the work that blocks: by default `asyncio.to_thread`, in the API a request's threads."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Runner(Protocol):
    """Does work in a thread and waits for it, as `asyncio.to_thread` does.

    A caller that is cancelled goes on at once and the thread does not: a runner may count it.
    """

    async def __call__(self, work: Callable[..., T], /, *args: Any, **kwargs: Any) -> T: ...
