import asyncio
from dataclasses import replace

import pytest

from loadtest.bench.effort import Effort
from loadtest.bench.measure import Meter, Trial, judge_trial, measure, search
from loadtest.bench.queueing import ideal_share
from loadtest.judge import RefusedError, make_judge
from loadtest.open_loop import Outcome, Plan, Summary, summary
from tests.loadtest.doubles import answer_with, picture, workload
from tests.loadtest.small_server import raw, serving

P50_MS = 100.0  # a bound of 500 ms
PLAN = Plan(10, 10, seed=0)
TINY = Effort(
    rounds=1,
    other_rounds=1,
    unloaded_s=0.5,
    capacity_s=0.5,
    trial_s=2,
    trial_requests=0,
    trials=3,
    other_trials=1,
    overload_s=2,
    overload_bounds=0,
    overloads_all=False,
    flood_s=1,
    limit_s=1,
    pace_s=1,
    stage_requests=2,
    budget_s=60,
)


def outcomes(good: int, late: int = 0, shed: int = 0) -> list[Outcome]:
    some = [(200, 0.1)] * good + [(200, 2.0)] * late + [(503, 0.01)] * shed
    return [Outcome(index, 0, 0, end, status) for index, (status, end) in enumerate(some)]


def test_goodput_counts_right_answers_in_time_only():
    assert judge_trial(PLAN, outcomes(good=90, late=5, shed=5), P50_MS).good == 9.0


def test_a_rate_holds_with_its_p99_within_the_bound():
    assert judge_trial(PLAN, outcomes(good=100), P50_MS).holds
    assert not judge_trial(PLAN, outcomes(good=97, late=3), P50_MS).holds


def test_one_shed_of_a_hundred_is_too_many():
    assert not judge_trial(PLAN, outcomes(good=99, shed=1), P50_MS).holds


@pytest.mark.parametrize(("late_s", "is_late"), [(0.04, False), (0.06, True)])
def test_a_trial_is_marked_if_its_sender_was_late_by_over_a_tenth_of_the_bound(late_s, is_late):
    some = [Outcome(index, 0, late_s, 0.1, 200) for index in range(100)]

    assert judge_trial(PLAN, some, P50_MS).is_late == is_late


def test_a_short_burst_shows_no_more_than_the_server_does():
    """Five places of 0.5 s each: 10 answers/s, however many arrive within two seconds."""
    burst = Plan(20, 2, seed=0)
    some = [
        Outcome(index, due, due, max(due + 0.5, 0.5 + 0.1 * index), 200)
        for index, due in enumerate(burst.arrivals_s)
    ]

    trial = judge_trial(burst, some, p50_ms=500)

    assert trial.holds
    assert trial.good < 12


def test_goodput_is_found_below_the_capacity_of_a_server_that_takes_turns():
    """50 ms each, one at a time: 20 answers/s at most."""
    turn = asyncio.Lock()

    async def one_by_one(_number: int, _body: bytes) -> bytes:
        async with turn:
            await asyncio.sleep(0.05)
        return answer_with(1, picture())

    async def run(url: str):
        return await measure(await Meter.ready(url, workload()), TINY, 0, is_main=True)

    with serving(one_by_one) as server:
        measured = asyncio.run(run(server.url))

    assert 0 < measured.capacity <= 20
    assert measured.best is not None
    assert 0 < measured.best.good <= 1.1 * measured.capacity
    assert measured.overload is not None
    assert measured.overload.good < measured.overload.rate


def test_the_most_is_what_it_does_while_all_clients_are_at_work():
    """Two places: the last answers come from one of them, which says nothing about both."""
    places = asyncio.Semaphore(2)

    async def slow_at_the_end(number: int, _body: bytes) -> bytes:
        async with places:
            await asyncio.sleep(0.05 if number < 14 else 0.8)
        return answer_with(1, picture())

    async def run(url: str) -> float:
        meter = Meter(url, workload(), await make_judge(url, workload()))
        return await meter.capacity(0.0, summary([Outcome(0, 0, 0, 0.05, 200)]))

    with serving(slow_at_the_end) as server:
        assert 20 < asyncio.run(run(server.url)) <= 44  # of the sixteen after the judge's one


def test_a_trial_of_few_arrivals_a_second_takes_longer():
    effort = replace(TINY, trial_s=2, trial_requests=30)

    assert effort.plan(rate=60, seed=0).seconds == 2
    assert len(effort.plan(rate=3, seed=0).arrivals_s) == 30


def test_a_system_that_answers_503_unloaded_is_not_measured():
    async def warm_then_full(number: int, _body: bytes) -> bytes:
        return answer_with(1, picture()) if number < 10 else raw(503)

    async def run(url: str):
        return await measure(await Meter.ready(url, workload()), TINY, 0, is_main=False)

    with (
        serving(warm_then_full) as server,
        pytest.raises(RefusedError, match="status 503"),
    ):
        asyncio.run(run(server.url))


def test_refusals_are_timed_apart_from_answers():
    """Answers take 500 ms, and every other request is refused immediately."""

    async def half_full(number: int, _body: bytes) -> bytes:
        if number % 2:
            return raw(503)
        await asyncio.sleep(0.5)
        return answer_with(1, picture())

    async def run(url: str) -> float:
        meter = Meter(url, workload(), await make_judge(url, workload()))
        return await meter.refusals_p95_ms(Plan(20, 1, seed=0))

    with serving(half_full) as server:
        assert 0 < asyncio.run(run(server.url)) < 300


def test_no_queue_holds_its_whole_capacity_and_more_servers_hold_more():
    one, two = (ideal_share(servers, 0.1, trial_s=60) for servers in (1, 2))

    assert 0.5 < one < two < 0.95


class Limited:
    """Holds all rates up to `most`."""

    def __init__(self, most: float) -> None:
        self._most = most

    async def trial(self, plan: Plan, _p50_ms: float) -> Trial:
        rate = plan.rate_per_s
        return Trial(rate, rate, rate <= self._most, summary(outcomes(10)))


@pytest.mark.parametrize("most", [2.7, 8.0, 11.5, 38.0])
def test_the_search_ends_near_what_holds_however_wrong_the_estimate_was(most):
    trials = asyncio.run(search(Limited(most), 10, 100, 4, TINY, seed=0))

    assert 0.9 * most < max(one.rate for one in trials if one.holds) <= most
    assert min(one.rate for one in trials if not one.holds) < 1.3 * most or most < 5


def test_a_load_that_was_meant_to_be_too_much_and_holds_is_goodput():
    """Trials of the search fail by chance; the same rate, and twice as much, hold later."""

    class Unlucky(Limited):
        calls = 0

        async def unloaded(self, _seconds: float) -> Summary:
            return summary(outcomes(10))

        async def capacity(self, _seconds: float, _unloaded: Summary) -> float:
            return 10.0

        async def trial(self, plan: Plan, p50_ms: float) -> Trial:
            self.calls += 1
            result = await super().trial(plan, p50_ms)
            return (
                result if self.calls > TINY.trials else replace(result, holds=plan.rate_per_s < 6)
            )

    measured = asyncio.run(measure(Unlucky(most=21), TINY, 0, is_main=True))

    assert measured.best is not None
    assert measured.best.rate > 10
    assert measured.overload is not None
    assert not measured.overload.holds


def test_the_load_is_twice_as_high_until_a_queue_without_end_would_show():
    """The bound is 5 times 100 ms."""

    class Watched(Limited):
        plan = Plan(0, 0, 0)

        async def unloaded(self, _seconds: float) -> Summary:
            return summary(outcomes(10))

        async def capacity(self, _seconds: float, _unloaded: Summary) -> float:
            return 10.0

        async def trial(self, plan: Plan, p50_ms: float) -> Trial:
            self.plan = plan
            return await super().trial(plan, p50_ms)

    meter = Watched(most=8)
    asyncio.run(measure(meter, replace(TINY, overload_bounds=15), 0, is_main=True))

    assert meter.plan.rate_per_s > 12
    assert meter.plan.seconds == 15 * 0.5
