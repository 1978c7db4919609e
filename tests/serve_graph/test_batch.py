import asyncio
import time

import numpy as np
import pytest

from models.pixels import pack_mask
from serve_graph.batch import Asked, Job, check_picture, result_of, run_batch, unpack_hole
from tests.recorder import MemoryRecorder


def half(numbers):
    time.sleep(0.01)
    return [10 // number for number in numbers]


def run(numbers, recorder=None, asked_at=None):
    asked = Asked(time.time() if asked_at is None else asked_at)
    jobs = [Job(number, asked) for number in numbers]
    return asyncio.run(run_batch(jobs, half, "crop", recorder or MemoryRecorder()))


def test_results_come_in_order():
    assert run([1, 2, 5]) == [10, 5, 2]


def test_a_bad_item_fails_alone():
    good, bad, other = run([1, 0, 5])

    assert (good, other) == (10, 2)
    with pytest.raises(ZeroDivisionError):
        result_of(bad)


def test_a_bad_item_alone_is_tried_once():
    calls = []

    def fail(items):
        calls.append(items)
        raise ValueError

    asyncio.run(run_batch([Job(1, Asked())], fail, "crop", MemoryRecorder()))

    assert calls == [[1]]


def test_the_size_is_recorded():
    recorder = MemoryRecorder()
    run([1, 2, 5], recorder)

    assert recorder.sizes == [("crop", 3)]


def test_queue_and_compute_are_recorded_apart_for_each_job():
    recorder = MemoryRecorder()
    run([1, 2], recorder, asked_at=time.time() - 3)

    assert [stage for stage, _, _ in recorder.stages] == ["crop", "crop"]
    assert all(3 <= queue_s < 4 for _, queue_s, _ in recorder.stages)
    assert all(0.01 <= compute_s < 1 for _, _, compute_s in recorder.stages)


def test_a_caller_whose_clock_is_ahead_waited_no_time():
    recorder = MemoryRecorder()
    run([1], recorder, asked_at=time.time() + 60)

    assert recorder.stages[0][1] == 0.0


@pytest.mark.parametrize(
    "picture",
    [np.zeros((256, 256), np.uint8), np.zeros((255, 256, 3), np.uint8), np.zeros((256, 256, 3))],
)
def test_a_picture_that_fits_no_batch_is_refused(picture):
    with pytest.raises(ValueError, match="Expected uint8"):
        check_picture(picture)


def test_a_hole_survives_packing():
    hole = np.random.default_rng(0).random((256, 256)) < 0.5

    np.testing.assert_array_equal(unpack_hole(pack_mask(hole)), hole)


def test_a_hole_of_another_size_is_refused():
    with pytest.raises(ValueError, match="8192 bytes"):
        unpack_hole(b"\0")
