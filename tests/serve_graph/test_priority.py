"""Which threads yield to others; only on Linux, where each thread has its own niceness."""

import asyncio
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import models.stages
from models.stages import load_models
from serve_graph.api.threads import Threads
from serve_graph.batch import CallContext
from serve_graph.priority import run_niced
from serve_graph.stages import MeasuredStages
from tests.batches import run_batch
from tests.recorder import MemoryRecorder

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="niceness is the process's")


def niceness(*_: object) -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def in_new_thread(work, *args):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work, *args).result()


def test_the_thread_stays_behind_and_its_process_does_not():
    before = niceness()

    assert in_new_thread(run_niced, niceness) == min(before + 5, 19)
    assert niceness() == before
    assert in_new_thread(niceness) == before


def test_work_done_twice_in_a_thread_is_no_further_behind():
    twice = in_new_thread(lambda: (run_niced(niceness), run_niced(niceness))[1])

    assert twice == min(niceness() + 5, 19)


def test_threads_of_such_a_thread_are_behind_too():
    assert in_new_thread(run_niced, in_new_thread, niceness) == min(niceness() + 5, 19)


def test_work_is_done_where_niceness_may_not_change(monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "setpriority", refuse)

    assert in_new_thread(run_niced, lambda: "done") == "done"


async def test_a_requests_threads_are_behind():
    assert await Threads().run(niceness) > niceness()


async def test_a_batch_is_computed_behind():
    batch = [(number, CallContext(time.time())) for number in range(2)]

    results = await run_batch(
        batch, lambda items: [niceness() for _ in items], "crop", MemoryRecorder()
    )

    assert min(results) > niceness()


def test_the_steps_of_a_fused_replica_are_behind(tiny_weights, monkeypatch):
    def detect(_detector, thumbs):
        return [[niceness()] for _ in thumbs]

    monkeypatch.setattr(models.stages, "detect_faces", detect)
    nets = load_models(tiny_weights)
    stages = MeasuredStages(nets, MemoryRecorder(), workers=1, warp="mesh", blend="feather")

    assert asyncio.run(stages.detect(None))[0] > niceness()
