import asyncio
import time

import pytest

from loadtest.chaos import run
from loadtest.chaos.run import Burst, Load, each, judge, measure_load, send_around
from loadtest.http_client import Answer
from loadtest.open_loop import Outcome, Plan
from loadtest.servers import StartError
from tests.loadtest.small_server import raw, serving


class TrustingExam:
    """Accepts every answer."""

    async def learn(self, _url: str) -> str:
        return "v1"

    def message(self, _index: int) -> bytes:
        return b"GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"

    def check(self, _index: int, _answer: Answer) -> str:
        return ""

    def has_reference(self, index: int) -> bool:
        return index % 4 == 3

    def settle(self, outcomes: list[Outcome]) -> list[Outcome]:
        return list(outcomes)


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(run, "BEFORE_S", 0.2)


def test_the_capacity_leaves_out_the_end_when_not_all_clients_are_busy():
    last = run._WARM_REQUESTS + run.UNLOADED_REQUESTS + run.CAPACITY_REQUESTS - 1

    async def slow_at_the_end(number: int, _body: bytes) -> bytes:
        await asyncio.sleep(1.0 if number == last else 0.02)
        return raw()

    with serving(slow_at_the_end) as server:
        load = asyncio.run(measure_load(server.url, TrustingExam(), 0.5, None))

    assert load.capacity > run.CAPACITY_REQUESTS / 1.0
    assert load.rate == 0.5 * load.capacity


def test_the_load_goes_on_while_the_incident_takes_its_time():
    broken = False

    async def behaviour(_number: int, _body: bytes) -> bytes:
        return b"" if broken else raw()

    async def strike() -> None:
        nonlocal broken
        broken = True
        await asyncio.sleep(0.4)
        broken = False

    exam, load = TrustingExam(), Load(p50_ms=50, capacity=80, rate=40)
    with serving(behaviour) as server:
        seen = asyncio.run(send_around(server.url, exam, Plan(40, 0.8, 1), strike))
    damage = judge(seen, exam, load)

    assert damage.sent == 32
    assert 5 < damage.lost < 21
    assert 0 < damage.lost_until_s < 1


def test_an_incident_that_cannot_happen_ends_the_load_with_its_own_error():
    async def behaviour(_number: int, _body: bytes) -> bytes:
        return raw()

    async def strike() -> None:
        raise StartError("refused")

    with serving(behaviour) as server, pytest.raises(StartError, match="refused"):
        asyncio.run(send_around(server.url, TrustingExam(), Plan(10, 1.0, 1), strike))


async def slowly(_number: int, _body: bytes) -> bytes:
    await asyncio.sleep(0.3)
    return raw()


async def soon() -> None:
    await asyncio.sleep(0.1)


async def later() -> None:
    await asyncio.sleep(0.4)


async def nothing() -> None:
    pass


def test_a_burst_is_in_flight_at_the_incident_and_the_load_goes_on():
    exam, plan = TrustingExam(), Plan(10, 1.0, 1)
    with serving(slowly) as server:
        seen = asyncio.run(send_around(server.url, exam, plan, nothing, Burst(6), soon))
    damage = judge(seen, exam, Load(50, 80, 10), concerns=each)

    assert [one.scheduled_s for one in seen.burst] == [run.BEFORE_S] * 6
    assert [one.scheduled_s for one in seen.load] == plan.arrivals_s
    assert 6 <= damage.in_flight <= 14
    assert damage.answered == damage.sent == 16


def test_each_request_of_a_burst_has_a_reference_where_only_those_count():
    exam = TrustingExam()
    burst = Burst(3, only_references=True)
    with serving(slowly) as server:
        seen = asyncio.run(send_around(server.url, exam, Plan(10, 1.0, 1), nothing, burst, soon))
    damage = judge(seen, exam, Load(50, 80, 10), concerns=exam.has_reference)
    numbers = [one.index for one in [*seen.load, *seen.burst]]

    assert all(exam.has_reference(one.index) for one in seen.burst)
    assert len(set(numbers)) == 13
    assert 3 <= damage.in_flight <= 5


def test_what_was_answered_before_a_kill_was_not_in_flight():
    async def at_once(_number: int, _body: bytes) -> bytes:
        return raw()

    exam = TrustingExam()
    with serving(at_once) as server:
        around = send_around(server.url, exam, Plan(4, 0.4, 1), nothing, Burst(6), later)
        seen = asyncio.run(around)

    assert judge(seen, exam, Load(50, 80, 10), concerns=each).in_flight == 0
    assert judge(seen, exam, Load(50, 80, 10)).in_flight is None


def test_the_incident_comes_when_all_is_ready_and_its_moment_is_then():
    moments = []

    async def ready() -> None:
        await asyncio.sleep(0.3)
        moments.append("ready")

    async def strike() -> None:
        moments.append("struck")

    with serving(slowly) as server:
        around = send_around(server.url, TrustingExam(), Plan(10, 0.6, 1), strike, ready=ready)
        seen = asyncio.run(around)

    assert moments == ["ready", "struck"]
    assert seen.moment_s >= run.BEFORE_S + 0.3


def test_the_incident_comes_after_the_time_before():
    start = time.perf_counter()
    moments = []

    async def behaviour(_number: int, _body: bytes) -> bytes:
        return raw()

    async def strike() -> None:
        moments.append(time.perf_counter() - start)

    with serving(behaviour) as server:
        asyncio.run(send_around(server.url, TrustingExam(), Plan(10, 0.4, 1), strike))

    assert len(moments) == 1
    assert moments[0] >= run.BEFORE_S
