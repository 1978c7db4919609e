"""Gathers the calls of a stage into batches and measures them; a bad item fails alone."""

import asyncio
import contextvars
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from serve_graph.health import InProgress, Streak
from serve_graph.metrics import Recorder
from serve_graph.priority import run_niced
from serve_graph.settings import Batching
from serve_graph.tracing import Carrier, current_trace, trace_stage

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class CallContext:
    """When a stage was called, and in which trace; sent with each call of a deployment."""

    at: float = field(default_factory=time.time)  # s, by the caller's clock
    trace: Carrier | None = field(default_factory=current_trace)


@dataclass(frozen=True, eq=False)
class _Call(Generic[T, R]):
    item: T
    context: CallContext
    answer: asyncio.Future[R]
    since_s: float  # by the event loop's clock


class Batcher(Generic[T, R]):
    """Gathers calls while the previous batch is computed: the more load, the larger the batches.

    `@serve.batch` closes a batch when its wait is over even if another is still being computed, so
    under load many small batches queue up.

    Args:
        work: the stage function; returns one result per item, in order.
        stage: label of the measurements.
        recorder: see `run_batch`.
    """

    def __init__(self, work: Callable[[list[T]], list[R]], stage: str, recorder: Recorder) -> None:
        self.batching = Batching()  # may change at any time; applies to the next batch
        self._work, self._stage, self._recorder = work, stage, recorder
        self._waiting: deque[_Call[T, R]] = deque()
        self._has_come = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None
        self._streak, self._in_progress = Streak(), InProgress()

    async def __call__(self, item: T, context: CallContext) -> R:
        """The result of one item; a caller cancelled before its batch starts leaves the queue.

        Raises:
            Exception: what the stage function raised for this item.
        """
        loop = asyncio.get_running_loop()
        call: _Call[T, R] = _Call(item, context, loop.create_future(), loop.time())
        self._waiting.append(call)
        self._has_come.set()
        if self._worker is None or self._worker.done():
            # An empty context: its log lines mustn't carry the first caller's request.
            self._worker = loop.create_task(self._run(), context=contextvars.Context())
        try:
            return await call.answer
        except asyncio.CancelledError:
            with suppress(ValueError):  # its batch has already started
                self._waiting.remove(call)
            raise

    async def self_test(self, item: T) -> None:
        """Runs this item, which never fails on a working stage, if the last calls all failed.

        Raises:
            TimeoutError: a batch hangs.
            Exception: what the stage function raised.
        """
        self.raise_if_hung()
        if self._streak.needs_test:
            await self(item, CallContext())

    def raise_if_hung(self) -> None:
        """Checks for a batch that hangs.

        Raises:
            TimeoutError: there is one.
        """
        self._in_progress.raise_if_hung()

    async def _run(self) -> None:
        while self._waiting:
            await self._gather()
            size = min(len(self._waiting), self.batching.max_batch_size)
            if size:
                await self._compute([self._waiting.popleft() for _ in range(size)])

    async def _gather(self) -> None:
        """Waits until the batch is full or its first call has waited long enough."""
        loop = asyncio.get_running_loop()
        while 0 < len(self._waiting) < self.batching.max_batch_size:
            left_s = self._waiting[0].since_s + self.batching.batch_wait_timeout_s - loop.time()
            if left_s <= 0:
                return
            self._has_come.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._has_come.wait(), left_s)

    async def _compute(self, calls: list[_Call[T, R]]) -> None:
        batch = [(call.item, call.context) for call in calls]
        results: list[R | Exception]
        try:
            with self._in_progress.call(self._stage):
                results = await run_batch(batch, self._work, self._stage, self._recorder)
        except Exception as error:
            results = [error] * len(calls)
        for call, result in zip(calls, results, strict=True):
            self._streak.note(isinstance(result, Exception))
            if call.answer.done():
                continue  # its caller was cancelled meanwhile
            if isinstance(result, Exception):
                call.answer.set_exception(result)
            else:
                call.answer.set_result(result)


async def run_batch(
    batch: list[tuple[T, CallContext]],
    work: Callable[[list[T]], list[R]],
    stage: str,
    recorder: Recorder,
) -> list[R | Exception]:
    """Runs a batch in a thread, so that the replica can keep gathering the next one.

    Args:
        batch: its items, each with its call.
        work: the stage function; returns one result per item, in order.
        stage: label of the measurements.
        recorder: receives the batch's size and, for each item, its seconds in the queue (right only
            if the clocks of caller and replica agree) and in the stage function.

    Returns:
        One result per item; an exception for an item that failed.
    """
    queued = [max(0.0, time.time() - context.at) for _, context in batch]
    recorder.batch(stage, len(batch))
    start = time.perf_counter()
    results = await asyncio.to_thread(run_niced, _run, work, [item for item, _ in batch])
    compute_s = time.perf_counter() - start
    for (_, context), queue_s, result in zip(batch, queued, results, strict=True):
        recorder.stage(stage, queue_s, compute_s)
        trace_stage(
            stage,
            context.trace,
            queue_s,
            compute_s,
            batch_size=len(batch),
            failed=isinstance(result, Exception),
            is_remote=True,
        )
    return results


def _run(work: Callable[[list[T]], list[R]], items: list[T]) -> list[R | Exception]:
    try:
        return list(work(items))
    except Exception as error:
        if len(items) == 1:
            return [error]
        # At least one item is bad. One by one, the others still get their results.
        return [result for item in items for result in _run(work, [item])]
