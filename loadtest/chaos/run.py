"""Open-loop load around an incident."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from loadtest.bench.measure import CLIENTS, P99_BOUND
from loadtest.chaos.answers import Exam
from loadtest.chaos.damage import Damage, damage_of
from loadtest.open_loop import Outcome, Plan, send, send_in_turn, summary

BEFORE_S = 4.0  # of load before the incident
BURST = 8  # requests
TIMEOUT_S = 60.0  # the service's own deadline comes first
UNLOADED_REQUESTS = 12
CAPACITY_REQUESTS = 48
_WARM_REQUESTS = 8

Incident = Callable[[], Awaitable[None]]
SumUp = Callable[[Sequence[Outcome], float, float], Damage]  # see `damage_of`


class UnfitError(Exception):
    """The service doesn't answer all requests even without an incident."""


@dataclass(frozen=True)
class Load:
    """What a service bears when nothing happens."""

    p50_ms: float  # one client
    capacity: float  # answers/s with several clients
    rate: float  # that is sent around incidents

    @property
    def bound_ms(self) -> float:
        """Of p99."""
        return P99_BOUND * self.p50_ms


async def measure_load(url: str, exam: Exam, share: float, rate: float | None) -> Load:
    """Warms a service up, learns its right answers and measures it.

    Args:
        url: of the service.
        exam: gives the requests.
        share: of the capacity that is sent.
        rate: requests/s instead; then the capacity isn't measured (nan).

    Raises:
        UnfitError: it isn't fit to be measured.
        WrongAnswerError: its first answers don't show the photos' faces.
    """
    await exam.learn(url)
    await _in_turn(url, exam, _WARM_REQUESTS, CLIENTS)
    p50_ms = summary(await _in_turn(url, exam, UNLOADED_REQUESTS, 1)).p50_ms
    if rate is not None:
        return Load(p50_ms, float("nan"), rate)
    outcomes = await _in_turn(url, exam, CAPACITY_REQUESTS, CLIENTS)
    capacity = len(outcomes) / max(one.answered_s for one in outcomes)
    return Load(p50_ms, capacity, share * capacity)


async def _in_turn(url: str, exam: Exam, count: int, clients: int) -> list[Outcome]:
    sent = await send_in_turn(url, count, exam.message, exam.check, clients, TIMEOUT_S)
    outcomes = exam.settle(sent)
    bad = [one for one in outcomes if not one.is_right]
    if bad:
        raise UnfitError(f"before any incident: status {bad[0].status} {bad[0].problem}")
    return outcomes


class PlanWithBurst(Plan):
    """Has some requests at the same time after `BEFORE_S`, so that the service holds them all."""

    @cached_property
    def arrivals_s(self) -> list[float]:
        plan = Plan(self.rate_per_s, self.seconds, self.seed)
        return sorted([*plan.arrivals_s, *[BEFORE_S] * BURST])


async def send_around(url: str, exam: Exam, plan: Plan, incident: Incident) -> list[Outcome]:
    """Sends what the plan says, and lets the incident begin after `BEFORE_S`.

    The incident may take its time; the notes of `exam` aren't settled yet. What the incident
    raises ends the load.
    """
    zero = time.perf_counter()

    async def strike() -> None:
        await asyncio.sleep(zero + BEFORE_S - time.perf_counter())
        await incident()

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(strike())
            sending = group.create_task(send(url, plan, exam.message, exam.check, TIMEOUT_S, zero))
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return sending.result()


def judge(outcomes: list[Outcome], exam: Exam, load: Load, sum_up: SumUp = damage_of) -> Damage:
    """What the incident of `send_around` cost."""
    return sum_up(exam.settle(outcomes), BEFORE_S, load.bound_ms)
