import asyncio
import time

import pytest

from loadtest.bench.processes import StartError
from loadtest.chaos import run
from loadtest.chaos.run import BURST, Load, PlanWithBurst, judge, send_around
from loadtest.http_client import Answer
from loadtest.open_loop import Outcome, Plan
from tests.loadtest.small_server import raw, serving


class TrustingExam:
    """Takes each answer as right."""

    def message(self, _index: int) -> bytes:
        return b"GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"

    def check(self, _index: int, _answer: Answer) -> str:
        return ""

    def settle(self, outcomes: list[Outcome]) -> list[Outcome]:
        return list(outcomes)


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(run, "BEFORE_S", 0.5)


def test_the_load_goes_on_while_the_incident_takes_its_time():
    broken = False

    async def behaviour(_number: int, _body: bytes) -> bytes:
        return b"" if broken else raw()

    async def strike() -> None:
        nonlocal broken
        broken = True
        await asyncio.sleep(0.5)
        broken = False

    exam, load = TrustingExam(), Load(p50_ms=50, capacity=80, rate=40)
    with serving(behaviour) as server:
        outcomes = asyncio.run(send_around(server.url, exam, Plan(40, 1.5, 1), strike))
    damage = judge(outcomes, exam, load)

    assert damage.sent == 60
    assert 5 < damage.lost < 40
    assert 0 < damage.lost_until_s < 1


def test_an_incident_that_cannot_happen_ends_the_load_with_its_own_error():
    async def behaviour(_number: int, _body: bytes) -> bytes:
        return raw()

    async def strike() -> None:
        raise StartError("refused")

    with serving(behaviour) as server, pytest.raises(StartError, match="refused"):
        asyncio.run(send_around(server.url, TrustingExam(), Plan(10, 1.0, 1), strike))


def test_a_burst_comes_with_the_incident_and_the_load_goes_on():
    arrivals = PlanWithBurst(10, 2.0, 1).arrivals_s

    assert arrivals.count(run.BEFORE_S) == BURST
    assert [one for one in arrivals if one != run.BEFORE_S] == Plan(10, 2.0, 1).arrivals_s


def test_the_incident_comes_after_the_time_before():
    start = time.perf_counter()
    moments = []

    async def behaviour(_number: int, _body: bytes) -> bytes:
        return raw()

    async def strike() -> None:
        moments.append(time.perf_counter() - start)

    with serving(behaviour) as server:
        asyncio.run(send_around(server.url, TrustingExam(), Plan(10, 1.0, 1), strike))

    assert len(moments) == 1
    assert moments[0] >= 0.5
