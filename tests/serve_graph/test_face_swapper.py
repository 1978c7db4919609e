"""How many swaps a replica runs at once, and what is recorded for those that wait."""

import asyncio
import threading
import time

import cv2
import numpy as np
import pytest
import torch

from models.inpaint.paint import Painted
from models.pixels import pack_mask
from models.swap.reference import Reference
from serve_graph import face_swapper
from serve_graph.batch import CallContext
from serve_graph.health import ALL_HIDDEN, BLANK_FACE, HUNG_S
from serve_graph.replica import use_threads
from tests.recorder import MemoryRecorder

SWAP_S = 0.05
POINTS = np.zeros((68, 2), np.float32)


class Swap:
    """Replaces `swap_face`: takes a while, or until released."""

    def __init__(self):
        self.inside = self.most = 0
        self.lock, self.go = threading.Lock(), threading.Event()
        self.go.set()

    def __call__(self, painted, *_arguments, **_options):
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        time.sleep(SWAP_S)
        self.go.wait(timeout=10)
        with self.lock:
            self.inside -= 1
        return painted


@pytest.fixture
def swap(monkeypatch):
    threads, cv2_threads = torch.get_num_threads(), cv2.getNumThreads()
    made = Swap()
    monkeypatch.setattr(face_swapper, "swap_face", made)
    monkeypatch.setattr(face_swapper, "Recorder", MemoryRecorder)
    yield made
    use_threads(threads)
    cv2.setNumThreads(cv2_threads)


def replica(threads=1):
    return face_swapper.FaceSwapper.func_or_class("mesh", "feather", threads)


async def ask(swapper, count=1):
    """The answers to `count` calls at once, each with another grey."""
    calls = [
        swapper.swap(
            Painted(np.full_like(BLANK_FACE, grey), POINTS),
            pack_mask(ALL_HIDDEN),
            Reference(BLANK_FACE, POINTS),
            CallContext(),
        )
        for grey in range(count)
    ]
    return await asyncio.gather(*calls)


@pytest.mark.parametrize("threads", [1, 2])
def test_as_many_swaps_are_done_at_once_as_there_are_threads(swap, threads):
    answers = asyncio.run(ask(replica(threads), 6))

    assert [int(one[0, 0, 0]) for one in answers] == [0, 1, 2, 3, 4, 5]
    assert swap.most == threads


@pytest.mark.usefixtures("swap")
def test_a_swap_that_waits_for_others_spends_that_time_in_the_queue():
    swapper = replica()
    asyncio.run(ask(swapper, 4))
    queues_s = [queue_s for _, queue_s, _ in swapper._swap.meter._recorder.stages]

    assert queues_s == sorted(queues_s)
    assert queues_s[-1] > 2.9 * SWAP_S


async def test_a_replica_whose_swap_hangs_is_unhealthy(swap, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("serve_graph.health.monotonic", lambda: now[0])
    swap.go.clear()
    swapper = replica()
    call = asyncio.create_task(ask(swapper))
    while not swap.inside:
        await asyncio.sleep(0.01)
    await swapper.check_health()
    now[0] = HUNG_S + 1

    with pytest.raises(TimeoutError, match="swap hangs: its call has run for 61 s"):
        await swapper.check_health()
    swap.go.set()
    await call
    await swapper.check_health()
