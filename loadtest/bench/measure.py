"""Measures a running server: latency unloaded, goodput, goodput at twice the load, cost of a 503.

Goodput is the right answers per second within the latency bound (p99 at most 5 times the unloaded
p50), under open-loop Poisson arrivals, with errors and 503s under 0.1 %. The seconds run until the
last answer, less the time it would take alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from loadtest.bench.effort import Effort
from loadtest.judge import Judge, RefusedError, WrongAnswerError, make_judge
from loadtest.open_loop import (
    Outcome,
    Plan,
    Summary,
    capacity_of,
    percentiles_ms,
    send,
    send_in_turn,
    summary,
)
from loadtest.workloads import Workload

P99_BOUND = 5.0  # times the unloaded p50
MAX_FAILED_SHARE = 0.001
CLIENTS = 4  # enough to saturate a server on two cores
FLOOD = 3.0  # times the capacity: most requests are refused
REFUSED = 503
_LOWEST, _HIGHEST = 0.5, 1.05  # of the capacity: the interval in which the search begins
_STEP = 1.25  # upwards from there while all trials hold, until one doesn't
_MIN_TIMEOUT_S = 10.0
_MIN_REQUESTS, _MIN_OF_A_CLIENT = 10, 4
_MAX_LATE_SHARE = 0.1  # of the bound: how late the sender may be


@dataclass(frozen=True)
class Trial:
    """The result of one rate of arrivals."""

    rate: float  # asked for, requests/s
    good: float  # right answers/s within the latency bound
    holds: bool  # meets the conditions of goodput
    summary: Summary
    is_late: bool = False  # the sender was: the numbers say little


@dataclass(frozen=True)
class Measured:
    """One system with one workload; rates in answers/s."""

    unloaded: Summary  # one client
    capacity: float  # with several clients in a closed loop, all busy
    trials: list[Trial]
    overload: Trial | None  # at twice the goodput's load

    @property
    def best(self) -> Trial | None:
        """The trial with the highest goodput; None if none held."""
        return max(
            (one for one in self.trials if one.holds), key=lambda one: one.good, default=None
        )

    @property
    def late_trials(self) -> list[Trial]:
        """Those whose sender was late."""
        return [one for one in (*self.trials, self.overload) if one is not None and one.is_late]


class Meter:
    """Measurements of one server with one workload."""

    def __init__(self, url: str, workload: Workload, judge: Judge) -> None:
        self._url, self._workload, self._judge = url, workload, judge

    @classmethod
    async def ready(cls, url: str, workload: Workload) -> "Meter":
        """The meter of a server, once its first answers are checked and it is warm.

        Raises:
            WrongAnswerError: an answer doesn't have the photo's faces.
        """
        meter = cls(url, workload, await make_judge(url, workload))
        await meter.in_turn(2 * CLIENTS, CLIENTS)
        return meter

    async def in_turn(self, count: int, clients: int = 1) -> list[Outcome]:
        """Sends `count` requests in a closed loop.

        Raises:
            WrongAnswerError: one of the answers is wrong.
            RefusedError: one wasn't answered with 200.
        """
        outcomes = await send_in_turn(
            self._url, count, self._workload.message, self._judge.check, clients
        )
        self._settle(outcomes)
        bad = [one for one in outcomes if not one.is_right]
        if bad:
            raise RefusedError(f"status {bad[0].status} with {clients} clients: {bad[0].problem}")
        return outcomes

    async def unloaded(self, seconds: float) -> Summary:
        """Measures one client for about that long."""
        first = summary(await self.in_turn(3))
        count = max(_MIN_REQUESTS, round(1000 * seconds / first.p50_ms))
        return summary(await self.in_turn(count))

    async def timed(self, count: int) -> tuple[float, dict[str, float]]:
        """Mean latency of one client, and means of Server-Timing by stage, both in ms."""
        self._judge.timings_ms.clear()
        outcomes = await self.in_turn(count)
        timings = {
            stage: sum(values) / len(values) for stage, values in self._judge.timings_ms.items()
        }
        return 1000 * sum(one.latency_s for one in outcomes) / len(outcomes), timings

    async def capacity(self, seconds: float, unloaded: Summary) -> float:
        """Answers/s with several clients, counted while all of them are still sending."""
        count = max(_MIN_OF_A_CLIENT * CLIENTS, round(seconds * 2000 / unloaded.p50_ms))
        return capacity_of(await self.in_turn(count, CLIENTS), CLIENTS)

    async def trial(self, plan: Plan, p50_ms: float) -> Trial:
        """Sends Poisson arrivals and judges the result.

        Raises:
            WrongAnswerError: one of the answers is wrong.
        """
        timeout_s = max(_MIN_TIMEOUT_S, 2 * P99_BOUND * p50_ms / 1000)
        outcomes = await send(self._url, plan, self._workload.message, self._judge.check, timeout_s)
        self._settle(outcomes)
        return judge_trial(plan, outcomes, p50_ms)

    async def refusals_p95_ms(self, plan: Plan) -> float:
        """p95 of the 503s, from when each request was due; nan if there are none.

        Raises:
            WrongAnswerError: one of the other answers is wrong.
        """
        outcomes = await send(self._url, plan, self._workload.message, self._judge.check)
        self._settle(outcomes)
        refused = [one.latency_s for one in outcomes if one.status == REFUSED]
        return percentiles_ms(refused, (95,))[0]

    def _settle(self, outcomes: Sequence[Outcome]) -> None:
        wrong = [one for one in outcomes if one.problem and not one.is_lost]
        if wrong:
            raise WrongAnswerError(wrong[0].problem)
        self._judge.settle()


def judge_trial(plan: Plan, outcomes: Sequence[Outcome], p50_ms: float) -> Trial:
    """Whether a run meets the conditions of goodput, and its right answers/s in time.

    The time to empty the queue after the last arrival counts, so that a short run can't show more
    than the server does.
    """
    bound_ms = P99_BOUND * p50_ms
    result = summary(outcomes)
    in_time = [one for one in outcomes if one.is_right and 1000 * one.latency_s <= bound_ms]
    end_s = max((one.answered_s for one in in_time), default=0.0) - p50_ms / 1000
    holds = result.p99_ms <= bound_ms and result.failed_share < MAX_FAILED_SHARE
    is_late = result.late_p99_ms > _MAX_LATE_SHARE * bound_ms
    if is_late:
        print(f"The sender was up to {result.late_p99_ms:.0f} ms late: are the cores busy?")
    good = len(in_time) / max(plan.seconds, end_s)
    return Trial(plan.rate_per_s, good, holds, result, is_late)


async def measure(meter: Meter, effort: Effort, seed: int, is_main: bool) -> Measured:
    """Measures all numbers of a system with one workload.

    Args:
        meter: of a warm server.
        effort: how long each part takes.
        seed: of the arrivals; the same for all systems in a round.
        is_main: it is the workload of the goals: more trials, and always the overload.

    Raises:
        WrongAnswerError: an answer is wrong.
        RefusedError: even a few clients aren't all answered.
    """
    unloaded = await meter.unloaded(effort.unloaded_s)
    capacity = await meter.capacity(effort.capacity_s, unloaded)
    count = effort.trials if is_main else effort.other_trials
    trials = await search(meter, capacity, unloaded.p50_ms, count, effort, seed)
    measured = Measured(unloaded, capacity, trials, None)
    while measured.best and (is_main or effort.overloads_all):
        bound_s = P99_BOUND * unloaded.p50_ms / 1000
        seconds = max(effort.overload_s, effort.overload_bounds * bound_s)
        plan = Plan(2 * measured.best.rate, seconds, seed)
        overload = await meter.trial(plan, unloaded.p50_ms)
        if not overload.holds:
            return replace(measured, overload=overload)
        trials.append(overload)  # no overload yet: the search ended too low
    return measured


async def search(
    meter: Meter, capacity: float, p50_ms: float, count: int, effort: Effort, seed: int
) -> list[Trial]:
    """Halves the interval between a rate that holds and one that doesn't, `count` times.

    The interval lies around the capacity, which is only an estimate. If nothing in it holds, the
    search continues below it; if everything does, it restarts above, from the rate that held.

    All trials have the same seed: a higher rate adds arrivals to those of a lower one. With a seed
    for each, one that has few bursts holds at a tenth more than another, and chance would decide.
    """
    low, high = _LOWEST * capacity, _HIGHEST * capacity
    trials = await _halve(meter, (low, high), p50_ms, count, effort, seed)
    while all(one.holds for one in trials):
        rate = _STEP * trials[-1].rate
        trials.append(await meter.trial(effort.plan(rate, seed), p50_ms))
        if not trials[-1].holds:
            interval = (trials[-2].rate, rate)
            trials += await _halve(meter, interval, p50_ms, count - 1, effort, seed)
    if not any(one.holds for one in trials):
        for rate in (low, low / 2):
            trials.append(await meter.trial(effort.plan(rate, seed), p50_ms))
            if trials[-1].holds:
                break
    return trials


async def _halve(
    meter: Meter,
    interval: tuple[float, float],
    p50_ms: float,
    count: int,
    effort: Effort,
    seed: int,
) -> list[Trial]:
    low, high = interval
    trials: list[Trial] = []
    for _ in range(count):
        plan = effort.plan((low + high) / 2, seed)
        trials.append(await meter.trial(plan, p50_ms))
        low, high = (plan.rate_per_s, high) if trials[-1].holds else (low, plan.rate_per_s)
    return trials
