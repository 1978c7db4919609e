"""Open-loop load around an incident."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice

from loadtest.chaos.answers import Exam
from loadtest.chaos.damage import Damage, damage_of, in_flight
from loadtest.meter import CLIENTS, MAX_LATE_SHARE, P99_BOUND
from loadtest.open_loop import Outcome, Plan, capacity_of, send, send_in_turn, summary

BEFORE_S = 4.0  # of load before the burst and the incident
TIMEOUT_S = 60.0  # longer than the service's own deadline
UNLOADED_REQUESTS = 12
CAPACITY_REQUESTS = 48
_WARM_REQUESTS = 8

Incident = Callable[[], Awaitable[None]]
SumUp = Callable[[list[Outcome], float, float, list[Outcome]], Damage]  # see `damage_of`


def each(_number: int) -> bool:
    """For `judge`: the process takes part in all requests."""
    return True


class UnfitError(Exception):
    """The service doesn't answer all requests even without an incident."""


@dataclass(frozen=True)
class Load:
    """What a service bears without an incident."""

    p50_ms: float  # one client
    capacity: float  # answers/s with several clients
    rate: float  # requests/s sent around incidents

    @property
    def bound_ms(self) -> float:
        """The bound of p99."""
        return P99_BOUND * self.p50_ms

    def is_late(self, late_p99_ms: float) -> bool:
        """The sender was so late that the numbers say little."""
        return late_p99_ms > MAX_LATE_SHARE * self.bound_ms


async def measure_load(url: str, exam: Exam, share: float, rate: float | None) -> Load:
    """Warms a service up, learns its correct answers and measures it.

    Args:
        url: of the service.
        exam: gives the requests.
        share: of the capacity, to be sent.
        rate: requests/s to be sent instead; the capacity is then not measured (nan).

    Raises:
        UnfitError: it doesn't answer all requests.
        WrongAnswerError: its first answers don't show the photos' faces.
    """
    await exam.learn(url)
    await _in_turn(url, exam, _WARM_REQUESTS, CLIENTS)
    p50_ms = summary(await _in_turn(url, exam, UNLOADED_REQUESTS, 1)).p50_ms
    if rate is not None:
        return Load(p50_ms, float("nan"), rate)
    capacity = capacity_of(await _in_turn(url, exam, CAPACITY_REQUESTS, CLIENTS), CLIENTS)
    return Load(p50_ms, capacity, share * capacity)


async def _in_turn(url: str, exam: Exam, count: int, clients: int) -> list[Outcome]:
    sent = await send_in_turn(url, count, exam.message, exam.check, clients, TIMEOUT_S)
    outcomes = exam.settle(sent)
    bad = [one for one in outcomes if not one.is_right]
    if bad:
        raise UnfitError(f"before any incident: status {bad[0].status} {bad[0].problem}")
    return outcomes


@dataclass(frozen=True)
class Burst:
    """Requests sent at once after `BEFORE_S`, so that the service holds them all."""

    count: int
    only_references: bool = False  # all with a reference


@dataclass(frozen=True)
class Seen:
    """The outcomes of the requests around an incident."""

    load: list[Outcome]
    burst: list[Outcome]
    moment_s: float  # of the incident, from the start


async def send_around(
    url: str,
    exam: Exam,
    plan: Plan,
    incident: Incident,
    burst: Burst = Burst(0),
    ready: Callable[[], Awaitable[None]] | None = None,
) -> Seen:
    """Sends the plan's requests and, after `BEFORE_S`, a burst; then the incident happens.

    The notes of `exam` are left unsettled. An exception of the incident ends the load.

    Args:
        url: of the service.
        exam: gives the requests.
        plan: of the load.
        incident: may take long; the load continues meanwhile.
        burst: sent in addition to the load.
        ready: returns when the incident may happen.
    """
    zero = time.perf_counter()

    async def strike() -> float:
        await asyncio.sleep(zero + BEFORE_S - time.perf_counter())
        if ready is not None:
            await ready()
        moment_s = time.perf_counter() - zero
        await incident()
        return moment_s

    numbers = range(len(plan.arrivals_s))
    others = _numbers(exam, len(numbers), burst)
    at_once = [BEFORE_S] * len(others)
    try:
        async with asyncio.TaskGroup() as group:
            striking = group.create_task(strike())
            sending = group.create_task(_send(url, exam, plan.arrivals_s, numbers, zero))
            bursting = group.create_task(_send(url, exam, at_once, others, zero))
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return Seen(sending.result(), bursting.result(), striking.result())


def _numbers(exam: Exam, first: int, burst: Burst) -> list[int]:
    wanted = exam.has_reference if burst.only_references else each
    return [*islice(filter(wanted, count(first)), burst.count)]


async def _send(
    url: str, exam: Exam, arrivals_s: Sequence[float], numbers: Sequence[int], zero: float
) -> list[Outcome]:
    """Sends the requests with these numbers at these moments."""
    outcomes = await send(
        url,
        arrivals_s,
        lambda index: exam.message(numbers[index]),
        lambda index, answer: exam.check(numbers[index], answer),
        TIMEOUT_S,
        zero,
    )
    return [replace(one, index=numbers[one.index]) for one in outcomes]


def judge(
    seen: Seen,
    exam: Exam,
    load: Load,
    sum_up: SumUp = damage_of,
    concerns: Callable[[int], bool] | None = None,
) -> Damage:
    """What the incident in `send_around` cost the clients.

    Args:
        seen: what `send_around` returned.
        exam: the one passed to `send_around`.
        load: the service without an incident.
        sum_up: `damage_of` or `damage_of_end`.
        concerns: True for the numbers of requests that the killed process takes part in; None:
            nothing is killed.
    """
    outcomes = exam.settle([*seen.load, *seen.burst])
    sent, burst = outcomes[: len(seen.load)], outcomes[len(seen.load) :]
    damage = sum_up(sent, seen.moment_s, load.bound_ms, burst)
    if concerns is None:
        return damage
    concerned = [one for one in outcomes if concerns(one.index)]
    return replace(damage, in_flight=in_flight(concerned, seen.moment_s))
