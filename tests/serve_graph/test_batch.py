import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

from serve_graph.batch import Batcher, CallContext
from serve_graph.settings import Batching
from tests.batches import run_batch
from tests.recorder import MemoryRecorder


def half(numbers):
    time.sleep(0.01)
    return [10 // number for number in numbers]


def run(numbers, recorder=None, asked_at=None):
    asked = CallContext(time.time() if asked_at is None else asked_at)
    batch = [(number, asked) for number in numbers]
    return asyncio.run(run_batch(batch, half, "crop", recorder or MemoryRecorder()))


def test_results_come_in_order():
    assert run([1, 2, 5]) == [10, 5, 2]


def test_a_bad_item_fails_alone():
    good, bad, other = run([1, 0, 5])

    assert (good, other) == (10, 2)
    assert isinstance(bad, ZeroDivisionError)


def test_a_bad_item_alone_is_tried_once():
    calls = []

    def fail(items):
        calls.append(items)
        raise ValueError

    asyncio.run(run_batch([(1, CallContext())], fail, "crop", MemoryRecorder()))

    assert calls == [[1]]


def test_the_size_is_recorded():
    recorder = MemoryRecorder()
    run([1, 2, 5], recorder)

    assert recorder.sizes == [("crop", 3)]


def test_queue_and_compute_are_recorded_apart_for_each_item():
    recorder = MemoryRecorder()
    run([1, 2], recorder, asked_at=time.time() - 3)

    assert [stage for stage, _, _ in recorder.stages] == ["crop", "crop"]
    assert all(3 <= queue_s < 4 for _, queue_s, _ in recorder.stages)
    assert all(0.01 <= compute_s < 1 for _, _, compute_s in recorder.stages)


async def test_the_wait_for_a_thread_is_no_part_of_the_computation(monkeypatch):
    monkeypatch.setattr("serve_graph.health.HUNG_S", 0.2)
    recorder = MemoryRecorder()
    batch = Batcher(half, "crop", recorder)
    with ThreadPoolExecutor(1) as pool:
        asyncio.get_running_loop().set_default_executor(pool)
        pool.submit(time.sleep, 0.5)
        call = asyncio.create_task(batch(1, CallContext()))
        await asyncio.sleep(0.3)
        await batch.self_test(1)  # the stage doesn't hang
        await call

    ((_, queue_s, compute_s),) = recorder.stages
    assert queue_s > 0.4
    assert compute_s < 0.4


def test_a_caller_whose_clock_is_ahead_waited_no_time():
    recorder = MemoryRecorder()
    run([1], recorder, asked_at=time.time() + 60)

    assert recorder.stages[0][1] == 0.0


class Slow:
    """A slow stage function that keeps the batches it received."""

    def __init__(self, seconds=0.05):
        self.seconds, self.batches = seconds, []

    def __call__(self, numbers):
        self.batches.append(numbers)
        time.sleep(self.seconds)
        return [10 // number for number in numbers]


def batcher(work, max_batch_size=4, batch_wait_timeout_s=0.0):
    made = Batcher(work, "crop", MemoryRecorder())
    made.batching = Batching(
        max_batch_size=max_batch_size, batch_wait_timeout_s=batch_wait_timeout_s
    )
    return made


async def ask(batch, *numbers):
    """Submits all, one after another; returns results and errors in order."""
    calls = []
    for number in numbers:
        calls.append(asyncio.create_task(batch(number, CallContext())))
        await asyncio.sleep(0.005)
    return await asyncio.gather(*calls, return_exceptions=True)


async def test_what_comes_while_a_batch_is_computed_is_the_next_batch():
    work = Slow()

    assert await ask(batcher(work, batch_wait_timeout_s=0.001), 1, 2, 5) == [10, 5, 2]
    assert work.batches == [[1], [2, 5]]


async def test_no_batch_is_larger_than_it_may_be():
    work = Slow()
    await ask(batcher(work, max_batch_size=2), 1, 2, 3, 4)

    assert work.batches == [[1], [2, 3], [4]]


async def test_the_first_call_waits_for_others_for_so_long():
    work = Slow(0)
    batch = batcher(work, batch_wait_timeout_s=0.2)
    start = time.perf_counter()
    await ask(batch, 1, 2)

    assert work.batches == [[1, 2]]
    assert 0.19 < time.perf_counter() - start < 1


async def test_a_full_batch_waits_no_longer():
    work = Slow(0)
    start = time.perf_counter()
    await ask(batcher(work, max_batch_size=2, batch_wait_timeout_s=60), 1, 2)

    assert time.perf_counter() - start < 5


async def test_a_bad_call_fails_alone():
    first, bad, good = await ask(batcher(Slow()), 1, 0, 5)

    assert (first, good) == (10, 2)
    assert isinstance(bad, ZeroDivisionError)


async def test_who_is_cancelled_leaves_the_queue_before_it_costs_anything():
    work = Slow()
    batch = batcher(work, max_batch_size=1)
    running, waiting, last = (asyncio.create_task(batch(n, CallContext())) for n in (1, 2, 5))
    await asyncio.sleep(0.01)
    waiting.cancel()

    assert await asyncio.gather(running, last) == [10, 2]
    assert work.batches == [[1], [5]]


async def test_a_caller_who_goes_while_his_batch_is_computed_harms_no_other():
    batch = batcher(Slow(), batch_wait_timeout_s=0.02)
    gone, stays = (asyncio.create_task(batch(n, CallContext())) for n in (1, 2))
    await asyncio.sleep(0.04)
    gone.cancel()

    assert await stays == 5


async def test_new_numbers_hold_from_the_next_batch_on():
    work = Slow(0)
    batch = batcher(work, max_batch_size=1)
    await ask(batch, 1)
    batch.batching = Batching(max_batch_size=2, batch_wait_timeout_s=60)
    await ask(batch, 2, 5)

    assert work.batches == [[1], [2, 5]]


async def test_after_a_recorder_that_fails_the_next_call_is_answered():
    batch = batcher(Slow(0))
    recorder, batch.meter._recorder = batch.meter._recorder, None
    (failed,) = await ask(batch, 1)
    batch.meter._recorder = recorder

    assert isinstance(failed, AttributeError)
    assert await ask(batch, 2) == [5]
