import asyncio
from dataclasses import replace

import pytest

from loadtest.bench.effort import Effort
from loadtest.bench.measure import measure, search
from loadtest.bench.queueing import ideal_share
from loadtest.meter import Trial
from loadtest.open_loop import Outcome, Plan, Summary, summary
from tests.loadtest.doubles import OneByOne

CALM = summary([Outcome(index, 0, 0, 0.1, 200) for index in range(10)])  # 100 ms each
TINY = Effort(
    rounds=1,
    unloaded_s=0.5,
    capacity_s=0.5,
    trial_s=2,
    trial_requests=0,
    trials=3,
    overload_s=2,
    overload_bounds=0,
    overloads_all=False,
    flood_s=1,
    limit_s=1,
    pace_s=1,
    stage_requests=2,
    budget_s=60,
)


def test_goodput_is_found_below_the_capacity_of_a_server_that_takes_turns():
    measured = asyncio.run(measure(OneByOne(most=20), TINY, 0, is_main=True))

    assert measured.capacity == 20
    assert measured.best is not None
    assert 0 < measured.best.good <= 20
    assert measured.overload is not None
    assert measured.overload.good < measured.overload.rate


def test_a_trial_of_few_arrivals_a_second_takes_longer():
    effort = replace(TINY, trial_s=2, trial_requests=30)

    assert effort.plan(rate=60, seed=0).seconds == 2
    assert len(effort.plan(rate=3, seed=0).arrivals_s) == 30


def test_no_queue_holds_its_whole_capacity_and_more_servers_hold_more():
    one, two = (ideal_share(servers, 0.1, trial_s=60) for servers in (1, 2))

    assert 0.5 < one < two < 0.95


class Limited:
    """Holds all rates up to `most`."""

    def __init__(self, most: float) -> None:
        self._most = most

    async def trial(self, plan: Plan, _p50_ms: float) -> Trial:
        rate = plan.rate_per_s
        return Trial(rate, rate, rate <= self._most, CALM)


@pytest.mark.parametrize("most", [2.7, 8.0, 11.5, 38.0])
def test_the_search_ends_near_what_holds_however_wrong_the_estimate_was(most):
    trials = asyncio.run(search(Limited(most), 10, 100, replace(TINY, trials=4), seed=0))

    assert 0.9 * most < max(one.rate for one in trials if one.holds) <= most
    assert min(one.rate for one in trials if not one.holds) < 1.3 * most or most < 5


def test_a_load_that_was_meant_to_be_too_much_and_holds_is_goodput():
    """Trials of the search fail by chance; the same rate, and twice as much, hold later."""

    class Unlucky(Limited):
        calls = 0

        async def unloaded(self, _seconds: float) -> Summary:
            return CALM

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
            return CALM

        async def capacity(self, _seconds: float, _unloaded: Summary) -> float:
            return 10.0

        async def trial(self, plan: Plan, p50_ms: float) -> Trial:
            self.plan = plan
            return await super().trial(plan, p50_ms)

    meter = Watched(most=8)
    asyncio.run(measure(meter, replace(TINY, overload_bounds=15), 0, is_main=True))

    assert meter.plan.rate_per_s > 12
    assert meter.plan.seconds == 15 * 0.5
