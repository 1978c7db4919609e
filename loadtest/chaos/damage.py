"""What an incident cost the clients, from the outcomes of an open-loop run around it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from loadtest.open_loop import Outcome, longest_gap_s, percentiles_ms

ENOUGH = 100  # requests that a p99 takes: of fewer it is the slowest one
BUSY = 503
ANSWER_S = 5.0  # who waits longer has no answer


@dataclass(frozen=True)
class Damage:
    """Numbers of one incident; times are seconds after it."""

    sent: int
    answered: int  # rightly
    refused: int  # 503
    lost: int  # no answer, a wrong one, or another status
    lost_before: int  # of the lost ones, those that ended before the incident
    lost_until_s: float  # the last lost request left then: below 0 if it was in flight already
    failing_until_s: float  # the last that left after it and had no right answer within `ANSWER_S`
    longest_gap_s: float  # without a right answer, in the whole run
    # p99 is within its bound from then on; inf if nothing shows that, nan if nothing was due after
    recovered_s: float
    p50_ms: float
    p99_ms: float
    problems: list[str]  # how requests were lost, a few
    closed: int = 0  # of an end: no connection, since the port was closed for good
    # Requests that were sent and not answered when a process was killed, and that it has a part in.
    in_flight: int | None = None  # None: nothing is killed


def damage_of(
    load: Sequence[Outcome], moment_s: float, bound_ms: float, burst: Sequence[Outcome] = ()
) -> Damage:
    """Sums up.

    Args:
        load: of the run; `problem` is set where an answer is wrong.
        moment_s: when it happened, seconds from the start of the run.
        bound_ms: of p99.
        burst: what was sent besides, to be in flight at that moment. It counts like the load, but
            for p99, see `_back_s`.
    """
    outcomes = [*load, *burst]
    lost = [one for one in outcomes if not one.is_right and one.status != BUSY]
    right = [one for one in outcomes if one.is_right]
    failed = [one for one in outcomes if one.sent_s > moment_s and not _is_answered(one)]
    p50, p99 = percentiles_ms([one.latency_s for one in right], (50, 99))
    return Damage(
        sent=len(outcomes),
        answered=len(right),
        refused=sum(one.status == BUSY for one in outcomes),
        lost=len(lost),
        lost_before=sum(one.answered_s < moment_s for one in lost),
        lost_until_s=max((one.sent_s - moment_s for one in lost), default=-math.inf),
        failing_until_s=max((one.sent_s - moment_s for one in failed), default=-math.inf),
        longest_gap_s=longest_gap_s(outcomes),
        recovered_s=_back_s(load, moment_s, bound_ms / 1000, burst),
        p50_ms=p50,
        p99_ms=p99,
        problems=sorted({f"{one.status} {one.problem}".strip() for one in lost})[:5],
    )


def in_flight(outcomes: Sequence[Outcome], moment_s: float) -> int:
    """How many were sent and not answered then."""
    return sum(one.sent_s <= moment_s < one.answered_s for one in outcomes)


def damage_of_end(
    load: Sequence[Outcome], moment_s: float, bound_ms: float, burst: Sequence[Outcome] = ()
) -> Damage:
    """Of an incident that the service doesn't come back from: like `damage_of`, but for this.

    Who gets no connection after all that did get one is not lost; nor is there a gap, or a way
    back, for those that came after it began.
    """
    outcomes = [*load, *burst]
    last_s = max((one.sent_s for one in outcomes if not _is_refused(one)), default=-math.inf)
    connected = [one for one in outcomes if not (_is_refused(one) and one.sent_s > last_s)]
    return replace(
        damage_of(connected, moment_s, bound_ms),
        sent=len(outcomes),
        longest_gap_s=longest_gap_s([one for one in outcomes if one.scheduled_s <= moment_s]),
        recovered_s=math.nan,
        closed=len(outcomes) - len(connected),
    )


def _is_refused(one: Outcome) -> bool:
    return one.is_lost and one.problem.startswith(ConnectionRefusedError.__name__)


def _is_answered(one: Outcome) -> bool:
    return one.is_right and one.answered_s - one.sent_s <= ANSWER_S


def _back_s(
    load: Sequence[Outcome], moment_s: float, bound_s: float, burst: Sequence[Outcome]
) -> float:
    """When p99 was back, seconds after the moment.

    It is that of the load alone: requests that come all at once wait for each other, and more of
    them would let more be late. But it isn't back before one of the burst is that failed, or waited
    for longer than a burst explains.
    """
    if not any(one.scheduled_s > moment_s for one in load):
        return math.nan
    ends = [one.answered_s - moment_s for one in burst if not _is_answered(one)]
    return max([recovered_s(load, moment_s, bound_s), *ends])


def recovered_s(outcomes: Sequence[Outcome], moment_s: float, bound_s: float) -> float:
    """Seconds until the p99 of all that ends from then on is within the bound.

    Requests count when they end, and those that weren't answered rightly as endless: so a request
    that hung counts until it came back. inf if fewer than `ENOUGH` requests are left to show it.
    """
    ends = sorted(
        (one.answered_s, one.latency_s if one.is_right else math.inf)
        for one in outcomes
        if one.answered_s >= moment_s
    )
    late_until_s = moment_s
    for start in range(len(ends) - ENOUGH + 1):
        if _p99_s([latency for _, latency in ends[start:]]) <= bound_s:
            return late_until_s - moment_s
        late_until_s = ends[start][0]
    return math.inf


def _p99_s(latencies_s: Sequence[float]) -> float:
    return sorted(latencies_s)[math.ceil(0.99 * len(latencies_s)) - 1]
