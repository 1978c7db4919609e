"""Gathers the calls of a stage into batches and measures them; a bad item fails alone."""

import asyncio
import contextvars
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
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


class StageMeter:
    """Measures the batches of a stage, and knows whether it still works.

    Args:
        stage: label of the measurements.
        recorder: receives each batch's size and, for each call, its seconds in the queue (right
            only if the clocks of caller and replica agree) and in the stage function.
        is_remote: whether the callers are other processes.
    """

    def __init__(self, stage: str, recorder: Recorder, is_remote: bool) -> None:
        self._stage, self._recorder, self._is_remote = stage, recorder, is_remote
        self.streak, self.in_progress = Streak(), InProgress(stage)

    @contextmanager
    def batch(self, contexts: list[CallContext]) -> Iterator[list[bool]]:
        """Wraps the computation of these calls, in its thread; several threads may be inside.

        Yields:
            Which of the calls fail: all, unless the block says otherwise.
        """
        failed = [True] * len(contexts)
        queued = [max(0.0, time.time() - context.at) for context in contexts]
        start = time.perf_counter()
        try:
            with self.in_progress.call():
                self._recorder.batch(self._stage, len(contexts))
                yield failed
        finally:
            compute_s = time.perf_counter() - start
            for context, queue_s, has_failed in zip(contexts, queued, failed, strict=True):
                self.streak.note(has_failed)
                self._recorder.stage(self._stage, queue_s, compute_s)
                trace_stage(
                    self._stage,
                    context.trace,
                    queue_s,
                    compute_s,
                    batch_size=len(contexts),
                    failed=has_failed,
                    is_remote=self._is_remote,
                )


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
        recorder: see `StageMeter`.
    """

    def __init__(self, work: Callable[[list[T]], list[R]], stage: str, recorder: Recorder) -> None:
        self.batching = Batching()  # may change at any time; applies to the next batch
        self.meter = StageMeter(stage, recorder, is_remote=True)
        self._work = work
        self._waiting: deque[_Call[T, R]] = deque()
        self._has_come = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None

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
        self.meter.in_progress.raise_if_hung()
        if self.meter.streak.needs_test:
            await self(item, CallContext())

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
        results: list[R | Exception]
        try:
            # A thread, so that the replica can keep gathering the next batch.
            results = await asyncio.to_thread(run_niced, self._measured, calls)
        except Exception as error:
            results = [error] * len(calls)
        for call, result in zip(calls, results, strict=True):
            if call.answer.done():
                continue  # its caller was cancelled meanwhile
            if isinstance(result, Exception):
                call.answer.set_exception(result)
            else:
                call.answer.set_result(result)

    def _measured(self, calls: list[_Call[T, R]]) -> list[R | Exception]:
        with self.meter.batch([call.context for call in calls]) as failed:
            results = _results_of(self._work, [call.item for call in calls])
            failed[:] = [isinstance(result, Exception) for result in results]
        return results


def _results_of(work: Callable[[list[T]], list[R]], items: list[T]) -> list[R | Exception]:
    try:
        return list(work(items))
    except Exception as error:
        if len(items) == 1:
            return [error]
        # At least one item is bad. One by one, the others still get their results.
        return [result for item in items for result in _results_of(work, [item])]
