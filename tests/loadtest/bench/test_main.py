import asyncio
from contextlib import contextmanager
from dataclasses import replace

import pytest

from loadtest import results_file
from loadtest.bench import __main__ as bench
from loadtest.bench.contestants import CONTESTANTS, PEERS_WITH_OUR_NETS
from loadtest.bench.limit import InProcess, forms
from loadtest.bench.peers import AbsentError
from loadtest.bench.results import Results
from loadtest.http_client import LostError
from loadtest.judge import WrongAnswerError
from loadtest.results_file import write_section
from loadtest.servers import StartError, memory_flags
from tests.loadtest.bench.test_measure import TINY
from tests.loadtest.doubles import answer_with, picture, workload
from tests.loadtest.small_server import serving

ROUNDS = replace(
    TINY, rounds=2, unloaded_s=0.02, capacity_s=0.02, trial_s=0.1, trials=1, overload_s=0.1
)


class Server:
    """A peer that answers each request after 1 ms with so many faces, or doesn't start."""

    def __init__(
        self,
        name: str,
        log: list[str],
        faces: int = 1,
        starts: bool = True,
        is_ours: bool = False,
        is_there: bool = True,
    ) -> None:
        self.name, self._log, self._starts = name, log, starts
        self.is_ours, self._is_there = is_ours, is_there
        self._answer = answer_with(faces, picture())

    def install(self) -> None:
        if not self._is_there:
            raise AbsentError("no network")

    @contextmanager
    def running(self):
        self._log.append(self.name)
        if not self._starts:
            raise StartError("no port")
        turn = asyncio.Lock()

        async def one_by_one(_number: int, _body: bytes) -> bytes:
            async with turn:
                await asyncio.sleep(0.001)
            return self._answer

        with serving(one_by_one) as server:
            yield server.url


class Limit:
    """A machine that is a twentieth slower each time one looks."""

    def __init__(self) -> None:
        self.paces = iter(1 - 0.05 * number for number in range(20))

    def measure(self, *_) -> dict[str, InProcess]:
        return {form.name: InProcess(200.0, 5.0, 4.0) for form in forms()}

    def pace(self, *_) -> float:
        return next(self.paces)


@pytest.fixture(autouse=True)
def limit(monkeypatch, tmp_path):
    """All rounds have the same one."""
    limit = Limit()

    @contextmanager
    def limit_of(_workloads):
        yield limit

    monkeypatch.setattr(bench, "limit_of", limit_of)
    monkeypatch.setattr(bench, "PROGRESS", tmp_path / "progress")
    return limit


def run(*servers: Server) -> Results:
    one = bench.Bench(ROUNDS, list(servers), [workload()])
    one.run()
    return one.results


def test_systems_take_turns_forwards_and_then_backwards_each_between_two_paces():
    log: list[str] = []
    results = run(Server("a", log), Server("b", log))

    assert log == ["a", "b", "b", "a"]
    paces = {(one.system, one.round): one.paces for one in results.records}
    assert list(paces) == [("a", 0), ("b", 0), ("b", 1), ("a", 1)]
    assert paces["a", 0] == pytest.approx((1.0, 0.95))
    assert paces["b", 0] == pytest.approx((0.95, 0.9))
    assert paces["b", 1] == pytest.approx((0.85, 0.8))


def test_a_system_that_does_not_start_is_named_and_left_out():
    log: list[str] = []
    results = run(Server("a", log, starts=False), Server("b", log))

    assert results.failures == ["a, round 1: no port"]
    assert log == ["a", "b", "b"]


def test_a_system_that_cannot_be_installed_is_named_before_the_first_turn():
    log: list[str] = []
    results = run(Server("a", log), Server("b", log, is_there=False))

    assert results.failures == ["b, round 1: no network"]
    assert log == ["a", "a"]


def test_what_was_measured_is_kept_though_a_look_inside_fails(monkeypatch):
    async def look_inside(*_):
        raise LostError("reset")

    monkeypatch.setattr(bench, "look_inside", look_inside)
    results = run(Server("a", [], is_ours=True))

    assert [(one.system, one.round) for one in results.records] == [("a", 0), ("a", 1)]
    assert results.failures == ["a W1, round 1: reset", "a W1, round 2: reset"]


def test_a_wrong_answer_ends_the_run():
    with pytest.raises(WrongAnswerError, match="a W1"):
        run(Server("a", [], faces=2))


@pytest.fixture
def published(tmp_path, monkeypatch):
    """The RESULTS.md of a full run."""
    path = tmp_path / "RESULTS.md"
    monkeypatch.setattr(results_file, "FOLDER", tmp_path / "results")
    monkeypatch.setattr(results_file, "RESULTS", path)
    write_section("bench", "full", path)
    return path


@pytest.mark.parametrize(
    ("is_quick", "failures", "section"),
    [(False, [], "new"), (True, [], "full"), (False, ["litserve: can't be installed"], "full")],
)
def test_only_full_runs_without_gaps_replace_the_published_table(
    published, is_quick, failures, section
):
    bench.keep(Results("machine", failures=failures), "new", is_quick)

    assert f"<!-- bench -->\n{section}\n" in published.read_text()
    kept = (published.parent / "results" / "bench.json").exists()
    assert kept == (section == "new")  # the table's own numbers


def test_peers_with_our_nets_have_our_memory_flags_and_eager_ones_do_not():
    environments = {one.name: one.environment for one in CONTESTANTS}

    assert memory_flags()
    assert all(environments[name] == memory_flags() for name in PEERS_WITH_OUR_NETS)
    assert not environments["fastapi-eager"].keys() & memory_flags().keys()
