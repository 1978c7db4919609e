import asyncio
import logging
import os
import threading
import time

import pytest

from serve_graph.logs import log
from serve_graph.probe import Probe

ASYNCIO_THREADS = min(32, (os.cpu_count() or 1) + 4)
SOON_S = 0.05


class Asked:
    """A call that can be made to hang or fail."""

    def __init__(self):
        self.times, self.error, self.fails_after = 0, None, 0
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def __call__(self):
        self.times += 1
        number = self.times
        self.may_go_on.wait()
        if self.error is not None and number > self.fails_after:
            raise self.error
        return number


@pytest.fixture
def asked():
    call = Asked()
    yield call
    call.may_go_on.set()


def test_each_reading_asks_anew(asked):
    async def read():
        probe = Probe("It", asked, 5)
        return [await probe.latest() for _ in range(3)]

    assert asyncio.run(read()) == [1, 2, 3]


def test_a_call_that_hangs_is_not_made_again_and_leaves_asyncio_its_threads(asked):
    async def read():
        probe = Probe("It", asked, SOON_S)
        await probe.latest()
        asked.may_go_on.clear()
        seen = [await probe.latest() for _ in range(ASYNCIO_THREADS + 1)]
        await asyncio.wait_for(asyncio.to_thread(lambda: None), 5)
        return seen

    start = time.monotonic()

    assert set(asyncio.run(read())) == {1}
    assert asked.times == 2
    assert time.monotonic() - start < 2  # only the first reading waited


def test_what_comes_late_is_kept(asked):
    asked.may_go_on.clear()
    asked.error, asked.fails_after = ConnectionError(), 1

    async def read():
        probe = Probe("It", asked, SOON_S)
        seen = [await probe.latest()]
        asked.may_go_on.set()
        while asked.times < 2:
            seen.append(await probe.latest())
        return seen[0], seen[-1]

    assert asyncio.run(read()) == (None, 1)


def test_those_who_read_at_the_same_time_share_a_call(asked):
    async def read():
        probe = Probe("It", asked, 5)
        return await asyncio.gather(*(probe.latest() for _ in range(3)))

    assert asyncio.run(read()) == [1, 1, 1]


def test_an_answer_in_time_is_not_called_late_when_the_next_call_has_begun(asked, caplog):
    async def read():
        probe = Probe("It", asked, 5)

        async def read_twice():
            await probe.latest()
            await probe.latest()  # the first reader begins a call before the others go on

        await asyncio.gather(*(read_twice() for _ in range(3)))

    log.addHandler(caplog.handler)
    try:
        asyncio.run(read())
    finally:
        log.removeHandler(caplog.handler)

    assert caplog.messages == []


@pytest.mark.parametrize("error", [TimeoutError(), ConnectionError("gone")])
def test_the_log_names_the_error(asked, caplog, error):
    asked.error = error
    log.addHandler(caplog.handler)
    try:
        with caplog.at_level(logging.WARNING):
            assert asyncio.run(Probe("It", asked, 5).latest()) is None
    finally:
        log.removeHandler(caplog.handler)

    assert caplog.messages == [f"It: {error!r}"]
