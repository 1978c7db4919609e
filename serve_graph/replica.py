"""What the deployments have in common: how a replica starts, batches, tests itself, and ends."""

from collections.abc import Callable
from typing import Any, TypeVar

import cv2
import torch
from pydantic import ValidationError

from serve_graph.batch import Batcher
from serve_graph.logs import log
from serve_graph.metrics import Recorder
from serve_graph.settings import Batching
from serve_graph.tracing import flush_spans, start_tracing

T = TypeVar("T")
R = TypeVar("R")


class Replica:
    """Base class of the deployments.

    Args:
        threads: cores of one call of a stage function.
    """

    def __init__(self, threads: int) -> None:
        # No `super().__init__`: behind this class, Serve puts one that takes other arguments.
        use_threads(threads)
        start_tracing()

    def __del__(self) -> None:
        """Serve calls this when a replica shuts down gracefully, after its last request."""
        flush_spans()


class BatchingReplica(Replica):
    """Base class of the deployments with nets: `user_config` says how their calls are batched."""

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        self._recorder = Recorder()
        self._trials: list[tuple[Batcher[Any, Any], Any]] = []
        self._has_started = False

    def _batched(self, work: Callable[[list[T]], list[R]], stage: str, blank: T) -> Batcher[T, R]:
        """A batcher of this replica; `blank` is an item that never fails on a working stage."""
        batcher = Batcher(work, stage, self._recorder)
        self._trials.append((batcher, blank))
        return batcher

    def reconfigure(self, user_config: dict[str, Any]) -> None:
        """Serve passes the YAML's user_config, at start and on each change.

        Raises:
            ValidationError: it can't be used, and the replica is only starting. If a change raised
                too, Serve would stop a replica that works, and none could take its place.
        """
        try:
            batching = Batching.model_validate(user_config)
        except ValidationError as error:
            if not self._has_started:
                raise
            wrong = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
            log.error("user_config can't be used, the former one stays: %s.", "; ".join(wrong))
            return
        for batcher, _ in self._trials:
            batcher.batching = batching

    async def check_health(self) -> None:
        """Serve replaces the replica if this raises three times in a row."""
        for batcher, blank in self._trials:
            await batcher.self_test(blank)
        self._has_started = True  # Serve's first check follows the first `reconfigure`


def use_threads(count: int) -> None:
    """Limits a call of a stage function to `count` cores; `num_cpus` alone limits nothing."""
    torch.set_num_threads(count)
    cv2.setNumThreads(count)
