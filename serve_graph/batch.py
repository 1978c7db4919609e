"""A batch's way through a stage function: measured, and a bad item fails alone."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import cv2
import numpy as np
import torch

from models.crop.frame import FRAME_PX
from models.pixels import Image, Mask, unpack_mask
from serve_graph.metrics import Recorder
from serve_graph.tracing import Carrier, current_trace, trace_stage

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Asked:
    """When and for what a stage was asked; goes along with each call of a deployment."""

    at: float = field(default_factory=time.time)  # s, by the caller's clock
    trace: Carrier | None = field(default_factory=current_trace)


@dataclass(frozen=True)
class Job(Generic[T]):
    """One call that waits for its batch."""

    work: T
    asked: Asked


async def run_batch(
    jobs: list[Job[T]],
    work: Callable[[list[T]], list[R]],
    stage: str,
    recorder: Recorder,
) -> list[R | Exception]:
    """Runs a batch in a thread, so that the replica can go on collecting the next one.

    Args:
        jobs: the batch.
        work: the stage function; one result an item, in order.
        stage: label of the measurements.
        recorder: gets the batch's size and, for each job, its seconds in the queue (as long as
            the clocks of caller and replica agree) and in the stage function.

    Returns:
        One result a job; an exception for a job that can't be done. (An exception that were
        raised here would fail the whole batch.)
    """
    queued = [max(0.0, time.time() - job.asked.at) for job in jobs]
    recorder.batch(stage, len(jobs))
    start = time.perf_counter()
    results = await asyncio.to_thread(_run, work, [job.work for job in jobs])
    compute_s = time.perf_counter() - start
    for job, queue_s, result in zip(jobs, queued, results, strict=True):
        recorder.stage(stage, queue_s, compute_s)
        failed = isinstance(result, Exception)
        trace_stage(stage, job.asked.trace, queue_s, compute_s, len(jobs), failed)
    return results


def result_of(result: R | Exception) -> R:
    """The result of one job.

    Raises:
        Exception: what `run_batch` returned for it.
    """
    if isinstance(result, Exception):
        raise result
    return result


def _run(work: Callable[[list[T]], list[R]], items: list[T]) -> list[R | Exception]:
    try:
        return list(work(items))
    except Exception as error:
        if len(items) == 1:
            return [error]
        # One of them is bad: alone, the others still get their result.
        return [result for item in items for result in _run(work, [item])]


def check_picture(picture: Image, *sides_px: int) -> None:
    """Stops what doesn't fit into a batch with others.

    Raises:
        ValueError: not uint8 (S, S, 3) with S one of `sides_px` (FRAME_PX if there is none).
    """
    shapes = [(side, side, 3) for side in sides_px or (FRAME_PX,)]
    if picture.dtype != np.uint8 or picture.shape not in shapes:
        raise ValueError(f"Expected uint8 {shapes}, got {picture.dtype} {picture.shape}.")


def unpack_hole(packed: bytes) -> Mask:
    """The mask of a canonical face, from its packed bits.

    Raises:
        ValueError: of another size.
    """
    if len(packed) * 8 != FRAME_PX**2:
        raise ValueError(f"Expected {FRAME_PX**2 // 8} bytes of mask, got {len(packed)}.")
    return unpack_mask(packed, (FRAME_PX, FRAME_PX))


def use_threads(count: int) -> None:
    """Lets one call of a stage function take so many cores; `num_cpus` alone limits nothing."""
    torch.set_num_threads(count)
    cv2.setNumThreads(count)
