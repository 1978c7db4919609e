import asyncio

import pytest

from loadtest.judge import RefusedError, make_judge
from loadtest.meter import Meter, judge_trial
from loadtest.open_loop import Outcome, Plan, summary
from tests.loadtest.doubles import answer_with, picture, workload
from tests.loadtest.small_server import raw, serving

P50_MS = 100.0  # a bound of 500 ms
PLAN = Plan(10, 10, seed=0)


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


def test_a_system_that_answers_503_unloaded_is_not_measured():
    async def warm_then_full(number: int, _body: bytes) -> bytes:
        return answer_with(1, picture()) if number < 10 else raw(503)

    async def run(url: str):
        await (await Meter.ready(url, workload())).unloaded(0.5)

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
