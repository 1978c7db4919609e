import asyncio

import pytest

from loadtest import meter
from loadtest.judge import Judge, RefusedError, WrongAnswerError, make_judge
from loadtest.meter import Meter, Trial, judge_trial
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


def meter_of(monkeypatch, name: str, found: list[Outcome]) -> Meter:
    """A meter whose requests, sent by the sender of this name, end so."""

    async def send(*_) -> list[Outcome]:
        return found

    monkeypatch.setattr(meter, name, send)
    return Meter("", workload(), Judge(workload(), [picture()]))


def test_the_most_is_what_it_does_while_all_clients_are_at_work(monkeypatch):
    """The last answers come from one of its places, which says nothing about the others."""
    busy = [Outcome(index, 0, 0, 0.05 * index, 200) for index in range(13)]
    slow = [Outcome(13 + index, 0, 0, 1.0 + index, 200) for index in range(3)]
    found = meter_of(monkeypatch, "send_in_turn", [*busy, *slow])

    assert asyncio.run(found.capacity(0.0, summary(busy))) == pytest.approx(20)


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


def test_refusals_are_timed_apart_from_answers(monkeypatch):
    found = meter_of(monkeypatch, "send", outcomes(good=5, late=5, shed=10))

    assert asyncio.run(found.refusals_p95_ms(PLAN)) == pytest.approx(10)


def test_a_lost_request_is_the_slowest_refusal(monkeypatch):
    lost = [Outcome(index, 0, 0, 0.01, 0, "reset") for index in range(2)]
    found = meter_of(monkeypatch, "send", [*outcomes(good=0, shed=18), *lost])

    assert asyncio.run(found.refusals_p95_ms(PLAN)) > 1000


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (answer_with(2, picture()), "2 faces instead of 1"),
        (answer_with(1, picture(seed=1)), "another picture"),
    ],
)
def test_a_wrong_answer_aborts_a_trial(wrong, told):
    async def wrong_later(number: int, _body: bytes) -> bytes:
        return wrong if number else answer_with(1, picture())

    async def run(url: str):
        judge = await make_judge(url, workload())
        await Meter(url, workload(), judge).trial(Plan(100, 0.1, seed=0), P50_MS)

    with serving(wrong_later) as server, pytest.raises(WrongAnswerError, match=told):
        asyncio.run(run(server.url))


@pytest.mark.parametrize("name", ["trial", "refusals_p95_ms"])
def test_a_wrong_answer_aborts_a_run_but_a_lost_one_does_not(monkeypatch, name):
    wrong, lost = Outcome(1, 0, 0, 0.1, 200, "5 faces"), Outcome(2, 0, 0, 9.0, 0, "no answer")
    asked = (PLAN, P50_MS) if name == "trial" else (PLAN,)

    asyncio.run(getattr(meter_of(monkeypatch, "send", [lost]), name)(*asked))
    with pytest.raises(WrongAnswerError, match="5 faces"):
        asyncio.run(getattr(meter_of(monkeypatch, "send", [lost, wrong]), name)(*asked))


def test_a_trial_sends_all_of_its_plan():
    async def right(_number: int, _body: bytes) -> bytes:
        return answer_with(1, picture())

    async def run(url: str) -> Trial:
        judge = await make_judge(url, workload())
        return await Meter(url, workload(), judge).trial(Plan(100, 0.2, seed=0), P50_MS)

    with serving(right) as server:
        trial = asyncio.run(run(server.url))

    assert (trial.rate, trial.summary.sent, trial.summary.right) == (100, 20, 20)
