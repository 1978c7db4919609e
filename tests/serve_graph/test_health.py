"""When a replica reports itself as broken: by trials, not because of what photos do to it."""

import asyncio
import threading

import numpy as np
import pytest

from models import stages as local
from models.landmarks.guess import Wish
from models.stages import load_models
from serve_graph import face_cropper, inpainter, mask_detector
from serve_graph.batch import CallContext
from serve_graph.health import ALL_HIDDEN, BLANK_FACE, BLANK_THUMB, HUNG_S, IN_A_ROW
from serve_graph.stages import MeasuredStages
from tests.recorder import MemoryRecorder

PHOTO = np.full((256, 256, 3), 99, np.uint8)
HOLE = ALL_HIDDEN.tobytes()[:8192]  # packed; its bits don't matter
ASKS = {
    "crop": ("detect", (PHOTO,)),
    "mask": ("detect", (PHOTO,)),
    "inpaint": ("inpaint", (PHOTO, HOLE, Wish())),
    "landmarks": ("find_landmarks", (PHOTO,)),
}
WORK = {  # where deployments and fused stages get each stage's function
    "crop": (face_cropper, "detect_faces"),
    "mask": (mask_detector, "detect_masks"),
    "inpaint": (inpainter, "paint_candidates"),
    "landmarks": (inpainter, "find_bare_landmarks"),
}
LOCAL = {"crop": "detect", "mask": "find_mask", "inpaint": "paint", "landmarks": "landmarks"}


class Stage:
    """A stage function: fails with every picture if broken, otherwise only with `bad` ones."""

    def __init__(self, work, is_broken=False, bad=99):
        self.work, self.is_broken, self.bad, self.calls = work, is_broken, bad, 0

    def __call__(self, *arguments, **options):
        self.calls += 1
        pictures = next(one for one in arguments if isinstance(one, list | tuple))
        if self.is_broken or pictures[0][0, 0, 0] == self.bad:
            raise RuntimeError("CUDA error")
        return self.work(*arguments, **options)


class Hanging:
    """A stage function that hangs in each call until released, at most 10 s."""

    def __init__(self, work):
        self.work, self.begun, self.go = work, threading.Semaphore(0), threading.Semaphore(0)

    def __call__(self, *arguments, **options):
        self.begun.release()
        self.go.acquire(timeout=10)
        return self.work(*arguments, **options)


class Clock:
    """The clock of the stages."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr("serve_graph.health.monotonic", made)
    return made


@pytest.fixture
def make(tiny_weights, monkeypatch):
    """The deployment of a stage, and the function it calls."""

    def made(stage, function_class=Stage, **options):
        module, name = WORK[stage]
        function = function_class(getattr(module, name), **options)
        monkeypatch.setattr(module, name, function)
        monkeypatch.setattr("serve_graph.replica.Recorder", MemoryRecorder)
        kind = {
            face_cropper: face_cropper.FaceCropper,
            mask_detector: mask_detector.MaskDetector,
            inpainter: inpainter.Inpainter,
        }[module].func_or_class
        fan = (None,) if module is inpainter else ()
        return kind(tiny_weights, "cpu", 1, *fan), function

    return made


async def fail(replica, stage, times):
    method, arguments = ASKS[stage]
    for _ in range(times):
        with pytest.raises(RuntimeError, match="CUDA"):
            await getattr(replica, method)(*arguments, CallContext())


@pytest.mark.parametrize("stage", ASKS)
async def test_a_replica_whose_net_fails_in_each_call_is_unhealthy(make, stage):
    replica, _ = make(stage, is_broken=True)
    await replica.check_health()
    await fail(replica, stage, IN_A_ROW)

    for _ in range(3):  # as often as Serve asks before it replaces the replica
        with pytest.raises(RuntimeError, match="CUDA"):
            await replica.check_health()


@pytest.mark.parametrize("stage", ASKS)
async def test_a_photo_that_a_stage_can_not_do_harms_no_replica(make, stage):
    replica, _ = make(stage)
    for _ in range(5):
        await fail(replica, stage, IN_A_ROW)

        await replica.check_health()


async def test_a_replica_is_tried_only_after_failures_in_a_row(make):
    replica, function = make("mask")
    await fail(replica, "mask", IN_A_ROW - 1)
    await replica.detect(BLANK_FACE, CallContext())
    await fail(replica, "mask", IN_A_ROW - 1)
    before = function.calls
    await replica.check_health()

    assert function.calls == before


async def test_a_replica_that_works_again_is_healthy(make):
    replica, function = make("mask", is_broken=True)
    await fail(replica, "mask", IN_A_ROW)
    function.is_broken = False
    await replica.check_health()


@pytest.mark.parametrize("is_broken", [True, False])
@pytest.mark.parametrize("stage", LOCAL)
def test_a_fused_replica_is_tried_in_the_same_way(tiny_weights, monkeypatch, stage, is_broken):
    name = WORK[stage][1]
    function = Stage(getattr(local, name), is_broken)
    monkeypatch.setattr(local, name, function)
    fused = MeasuredStages(load_models(tiny_weights), MemoryRecorder(), 1, "mesh", "feather")
    arguments = (PHOTO, ALL_HIDDEN, Wish()) if stage == "inpaint" else (PHOTO,)

    async def check():
        await fused.self_test()
        for _ in range(IN_A_ROW):
            with pytest.raises(RuntimeError, match="CUDA"):
                await getattr(fused, LOCAL[stage])(*arguments)
        if is_broken:
            with pytest.raises(RuntimeError, match="CUDA"):
                await fused.self_test()
        else:
            await fused.self_test()

    asyncio.run(check())


@pytest.mark.parametrize("stage", ASKS)
async def test_a_replica_whose_net_hangs_is_unhealthy(make, clock, stage):
    replica, function = make(stage, Hanging)
    method, arguments = ASKS[stage]
    call = asyncio.create_task(getattr(replica, method)(*arguments, CallContext()))
    await asyncio.to_thread(function.begun.acquire)
    clock.now += HUNG_S
    await replica.check_health()
    clock.now += 1

    for _ in range(3):  # as often as Serve asks before it replaces the replica
        with pytest.raises(TimeoutError, match=f"{stage} hangs: its call has run for 61 s"):
            await replica.check_health()
    function.go.release()
    await call
    await replica.check_health()


async def test_a_net_hangs_also_when_its_callers_have_gone(make, clock):
    replica, function = make("mask", Hanging)
    call = asyncio.create_task(replica.detect(PHOTO, CallContext()))
    await asyncio.to_thread(function.begun.acquire)
    call.cancel()
    await asyncio.wait([call])
    clock.now += HUNG_S + 1

    with pytest.raises(TimeoutError, match="mask hangs"):
        await replica.check_health()
    function.go.release()


def test_a_fused_step_hangs_from_when_its_thread_began(tiny_weights, monkeypatch, clock):
    function = Hanging(local.detect_masks)
    monkeypatch.setattr(local, "detect_masks", function)
    fused = MeasuredStages(load_models(tiny_weights), MemoryRecorder(), 1, "mesh", "feather")

    async def check():
        first, second = (asyncio.create_task(fused.find_mask(PHOTO)) for _ in range(2))
        await asyncio.to_thread(function.begun.acquire)
        clock.now += HUNG_S
        await fused.self_test()
        function.go.release()
        await asyncio.to_thread(function.begun.acquire)
        clock.now += HUNG_S
        await fused.self_test()  # the second one had waited that long before
        clock.now += 1
        with pytest.raises(TimeoutError, match="mask hangs"):
            await fused.self_test()
        function.go.release()
        await asyncio.gather(first, second)
        await fused.self_test()

    asyncio.run(check())


def test_the_blank_pictures_are_as_large_as_any():
    assert BLANK_THUMB.shape == (512, 512, 3)
    assert BLANK_FACE.shape == (256, 256, 3)
