"""A meter of one running server: its latency, the most it does, and whether a rate holds.

A rate holds if p99 stays within its bound (at most 5 times the unloaded p50) under open-loop
Poisson arrivals, with errors and 503s under 0.1 %. Its good answers are the right ones within the
bound per second. The seconds run until the last answer, less the time it would take alone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

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
_MIN_TIMEOUT_S = 10.0
_FLOOD_TIMEOUT_S = 30.0
_MIN_REQUESTS, _MIN_OF_A_CLIENT = 10, 4
MAX_LATE_SHARE = 0.1  # of the bound: how late the sender may be


@dataclass(frozen=True)
class Trial:
    """The result of one rate of arrivals."""

    rate: float  # asked for, requests/s
    good: float  # correct answers/s within the latency bound
    holds: bool  # meets the conditions of goodput
    summary: Summary
    is_late: bool = False  # the sender was: the numbers say little
    answered: float = math.nan  # correct answers/s, however late


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
        outcomes = await send(
            self._url, plan.arrivals_s, self._workload.message, self._judge.check, timeout_s
        )
        self._settle(outcomes)
        return judge_trial(plan, outcomes, p50_ms)

    async def refusals_p95_ms(self, plan: Plan) -> float:
        """p95 of the 503s, from when each request was due; nan if there are none.

        A lost request counts as a 503 that came after `_FLOOD_TIMEOUT_S`.

        Raises:
            WrongAnswerError: one of the other answers is wrong.
        """
        outcomes = await send(
            self._url,
            plan.arrivals_s,
            self._workload.message,
            self._judge.check,
            _FLOOD_TIMEOUT_S,
        )
        self._settle(outcomes)
        refused = [one.latency_s for one in outcomes if one.is_refused]
        refused += [_FLOOD_TIMEOUT_S for one in outcomes if one.is_lost]
        return percentiles_ms(refused, (95,))[0]

    def _settle(self, outcomes: Sequence[Outcome]) -> None:
        wrong = [one for one in outcomes if one.problem and not one.is_lost]
        if wrong:
            raise WrongAnswerError(wrong[0].problem)
        self._judge.settle()


def judge_trial(plan: Plan, outcomes: Sequence[Outcome], p50_ms: float) -> Trial:
    """Whether a run meets the conditions of goodput, and its correct answers/s, in time and in all.

    The time to empty the queue after the last arrival counts, so that a short run can't show more
    than the server does.
    """
    bound_ms = P99_BOUND * p50_ms
    result = summary(outcomes)
    right = [one for one in outcomes if one.is_right]
    in_time = [one for one in right if 1000 * one.latency_s <= bound_ms]

    def per_s(some: list[Outcome]) -> float:
        end_s = max((one.answered_s for one in some), default=0.0) - p50_ms / 1000
        return len(some) / max(plan.seconds, end_s)

    holds = result.p99_ms <= bound_ms and result.failed_share < MAX_FAILED_SHARE
    is_late = result.late_p99_ms > MAX_LATE_SHARE * bound_ms
    if is_late:
        print(f"The sender was up to {result.late_p99_ms:.0f} ms late: are the cores busy?")
    return Trial(plan.rate_per_s, per_s(in_time), holds, result, is_late, per_s(right))
