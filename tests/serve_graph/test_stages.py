"""Calls of deployments, without Ray: what is retried, translated and given up."""

import asyncio

import numpy as np
import pytest
from ray.exceptions import ActorDiedError, ActorUnavailableError, RayTaskError
from ray.serve.exceptions import BackPressureError

from models.errors import BadImageError
from models.inpaint.paint import Painted
from models.landmarks.guess import Wish
from models.mask.detect import MaskFinding
from models.pixels import pack_mask
from models.swap.reference import Reference
from serve_graph.problems import BusyError
from serve_graph.stages import RemoteStages

FACE = np.zeros((256, 256, 3), np.uint8)
HOLE = np.eye(256, dtype=bool)
POINTS = np.zeros((68, 2), np.float32)


class FakeResponse:
    def __init__(self, outcome):
        self._outcome, self.cancelled = outcome, False

    def __await__(self):
        return self._result().__await__()

    async def _result(self):
        if self._outcome is None:
            await asyncio.sleep(60)
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome

    def cancel(self):
        self.cancelled = True


class FakeHandle:
    """A deployment whose calls have these outcomes in turn; None never ends."""

    def __init__(self, *outcomes):
        self._outcomes = list(outcomes)
        self.calls, self.responses = [], []

    def __getattr__(self, method):
        self._method = method
        return self

    def remote(self, *arguments):
        self.calls.append((self._method, *arguments))
        self.responses.append(FakeResponse(self._outcomes.pop(0)))
        return self.responses[-1]


def stages(handle):
    return RemoteStages(handle, handle, handle, handle)


def unavailable():
    return ActorUnavailableError("gone", b"0" * 16)


@pytest.mark.parametrize("death", [ActorDiedError(), unavailable()])
def test_a_dead_replicas_call_is_made_again(death):
    handle = FakeHandle(death, ["face"])

    assert asyncio.run(stages(handle).detect(FACE)) == ["face"]
    assert len(handle.calls) == 2


def test_it_is_made_again_only_once():
    handle = FakeHandle(unavailable(), unavailable(), ["face"])

    with pytest.raises(BusyError):
        asyncio.run(stages(handle).detect(FACE))
    assert len(handle.calls) == 2


def test_the_time_that_a_dead_replica_took_is_no_wait_of_the_next_one():
    handle = FakeHandle(ActorDiedError(), [])
    asyncio.run(stages(handle).detect(FACE))
    first, second = (context for *_, context in handle.calls)

    assert second.at > first.at


def test_a_full_queue_means_that_the_service_is_full():
    with pytest.raises(BusyError):
        asyncio.run(stages(FakeHandle(BackPressureError(9, 8))).detect(FACE))


def test_a_stages_error_is_the_callers_again():
    error = RayTaskError("detect", "a whole traceback", BadImageError("broken"))

    with pytest.raises(BadImageError, match=r"^broken$"):
        asyncio.run(stages(FakeHandle(error.as_instanceof_cause())).detect(FACE))


def test_a_cancelled_caller_cancels_its_call():
    handle = FakeHandle(None)

    async def give_up():
        async with asyncio.timeout(0.05):
            await stages(handle).detect(FACE)

    with pytest.raises(TimeoutError):
        asyncio.run(give_up())
    assert handle.responses[0].cancelled


def test_a_mask_comes_back_from_its_packed_bits():
    finding = asyncio.run(stages(FakeHandle((pack_mask(HOLE), 0.9))).find_mask(FACE))

    assert isinstance(finding, MaskFinding)
    np.testing.assert_array_equal(finding.mask, HOLE)


@pytest.mark.parametrize(
    ("step", "arguments", "method"),
    [
        ("paint", (FACE, HOLE, Wish()), "inpaint"),
        ("swap", (Painted(FACE, POINTS), HOLE, Reference(FACE, POINTS)), "swap"),
    ],
)
def test_a_hole_goes_out_as_packed_bits(step, arguments, method):
    handle = FakeHandle(["result"])

    assert asyncio.run(getattr(stages(handle), step)(*arguments)) == ["result"]
    assert handle.calls[0][0] == method
    assert handle.calls[0][2] == pack_mask(HOLE)
