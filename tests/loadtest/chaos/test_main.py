import asyncio
import sys
from pathlib import Path

import pytest

from loadtest.chaos import __main__ as chaos
from loadtest.chaos import run
from loadtest.chaos.__main__ import Chaos
from loadtest.chaos.cases import CASES, KEYS, KILL_BURST, PLACES
from loadtest.chaos.run import Load
from loadtest.chaos.service import Graph
from tests.loadtest.chaos.test_run import TrustingExam
from tests.loadtest.small_server import raw, serving

VICTIM = 4711
LOAD = Load(p50_ms=100, capacity=10, rate=10)


@pytest.fixture(autouse=True)
def no_photos_to_draw(monkeypatch):
    monkeypatch.setattr(chaos.Exam, "drawn", TrustingExam)


class KilledService:
    """Notes how many requests are inside when it is killed."""

    def __init__(self, monkeypatch) -> None:
        self.inside = 0
        self.found: list[int] = []
        self.is_at_work = False
        monkeypatch.setattr(run, "BEFORE_S", 0.1)
        monkeypatch.setattr(chaos, "BEFORE_S", 0.1)
        monkeypatch.setattr(chaos, "load_after_s", lambda *_: 0.2)
        monkeypatch.setattr(chaos, "wait_for", lambda *_: [VICTIM])
        monkeypatch.setattr(chaos, "wait_for_work", self.work)
        monkeypatch.setattr(chaos, "kill", self.kill)

    async def answer(self, _number: int, _body: bytes) -> bytes:
        self.inside += 1
        await asyncio.sleep(0.4)
        self.inside -= 1
        return raw()

    async def work(self, pid: int, _timeout_s: float) -> None:
        assert pid == VICTIM
        self.is_at_work = True

    def kill(self, pid: int) -> None:
        assert pid == VICTIM
        self.found.append(self.inside)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.key)
def test_each_kill_finds_requests_in_the_service(case, monkeypatch):
    service = KilledService(monkeypatch)
    run_of_chaos = Chaos([case.key], rate=1, seed=1)
    with serving(service.answer) as server:
        run_of_chaos._kill(Graph(server.url, 1, Path()), LOAD, case)
    (row,) = run_of_chaos.report.rows

    assert len(service.found) == 1
    assert KILL_BURST <= service.found[0] <= PLACES
    assert row.damage.in_flight >= KILL_BURST
    assert service.is_at_work == case.is_replica


@pytest.mark.parametrize(
    ("keys", "failures", "is_kept"),
    [
        (KEYS, [], True),
        (KEYS, ["2 replica(s): not measured: no answer"], False),
        (["drain"], [], False),
    ],
)
def test_only_a_table_of_all_cases_takes_the_place_of_the_last_one(
    monkeypatch, capsys, keys, failures, is_kept
):
    kept = []
    monkeypatch.setattr(sys, "argv", ["chaos", "--cases", ",".join(keys)])
    monkeypatch.setattr(chaos, "warn_if_busy", lambda: None)
    monkeypatch.setattr(Chaos, "run", lambda self: self.report.failures.extend(failures))
    monkeypatch.setattr(chaos, "publish", lambda name, *_: kept.append(name))

    chaos.main()

    assert kept == ["chaos"] * is_kept
    assert ("Not kept: not all cases were measured." in capsys.readouterr().out) == (not is_kept)


@pytest.mark.parametrize("option", ["--rate", "--seed"])
def test_a_run_at_a_rate_or_with_a_seed_of_its_own_is_not_kept(monkeypatch, capsys, option):
    monkeypatch.setattr(sys, "argv", ["chaos", option, "3"])
    monkeypatch.setattr(chaos, "warn_if_busy", lambda: None)
    monkeypatch.setattr(Chaos, "run", lambda _self: None)
    monkeypatch.setattr(chaos, "publish", lambda *_: pytest.fail("published"))

    chaos.main()

    assert "Not kept: at a rate or with a seed of its own." in capsys.readouterr().out
