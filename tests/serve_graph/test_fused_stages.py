import asyncio

import numpy as np
import pytest

from models.landmarks.guess import Wish
from models.stages import load_models
from serve_graph.stages import MeasuredStages
from tests.recorder import MemoryRecorder

FACE = np.zeros((256, 256, 3), np.uint8)
HOLE = np.ones((256, 256), bool)


@pytest.fixture
def recorder():
    return MemoryRecorder()


@pytest.fixture
def stages(tiny_weights, recorder):
    models = load_models(tiny_weights)
    return MeasuredStages(models, recorder, workers=1, warp="mesh", blend="feather")


def test_each_step_is_a_batch_of_one(stages, recorder):
    async def steps():
        await stages.detect(np.zeros((512, 512, 3), np.uint8))
        await stages.find_mask(FACE)
        await stages.paint(FACE, HOLE, Wish())
        await stages.landmarks(FACE)

    asyncio.run(steps())

    assert recorder.sizes == [("crop", 1), ("mask", 1), ("inpaint", 1), ("landmarks", 1)]


def test_a_step_that_waits_for_the_worker_spends_that_time_in_the_queue(stages, recorder):
    async def two():
        await asyncio.gather(*(stages.paint(FACE, HOLE, Wish()) for _ in range(2)))

    asyncio.run(two())
    (_, _, first_compute_s), (_, second_queue_s, _) = recorder.stages

    assert second_queue_s > 0.3 * first_compute_s  # on a busy machine the second call may come late
