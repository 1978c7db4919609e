"""What an incident cost the clients, from the outcomes of an open-loop run around it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from loadtest.open_loop import Outcome, longest_gap_s, percentiles_ms

ENOUGH = 100  # requests for a p99; of fewer it would be the slowest one
ANSWER_S = 5.0  # a slower answer is no answer


@dataclass(frozen=True)
class Damage:
    """The numbers of one incident; times are seconds after it."""

    sent: int
    answered: int  # correctly
    refused: int  # 503
    lost: int  # no answer, a wrong one, or a status other than 200 and 503
    lost_before: int  # lost ones that ended before the incident
    lost_until_s: float  # when the last lost request was sent: below 0 if before the incident
    # When the last request after it without a correct answer within `ANSWER_S` was sent.
    failing_until_s: float
    longest_gap_s: float  # without a correct answer, in the whole run
    # p99 is in bounds from then on; inf if nothing shows that, nan if nothing was due after it
    recovered_s: float
    p50_ms: float
    p99_ms: float
    problems: list[str]  # how requests were lost, up to five ways
    closed: int = 0  # at an end: no connection, since the port was closed for good
    # Requests sent and not answered when a process was killed, of those it takes part in.
    in_flight: int | None = None  # None: nothing is killed
    late_p99_ms: float = 0.0  # of the sender
    refused_in_flight: int = 0  # 503 although sent before the incident and not answered until then


def damage_of(
    load: Sequence[Outcome], moment_s: float, bound_ms: float, burst: Sequence[Outcome] = ()
) -> Damage:
    """Sums up an incident.

    Args:
        load: outcomes of the run's load; `problem` is set where an answer is wrong.
        moment_s: when the incident happened, seconds from the start of the run.
        bound_ms: of p99.
        burst: outcomes of requests sent to be in flight at that moment. They count like the load,
            except for p99; see `_back_s`.
    """
    outcomes = [*load, *burst]
    lost = [one for one in outcomes if not one.is_right and not one.is_refused]
    right = [one for one in outcomes if one.is_right]
    failed = [one for one in outcomes if one.sent_s > moment_s and not _is_answered(one)]
    p50, p99 = percentiles_ms([one.latency_s for one in right], (50, 99))
    (late,) = percentiles_ms([one.sent_s - one.scheduled_s for one in load], (99,))
    return Damage(
        sent=len(outcomes),
        answered=len(right),
        refused=sum(one.is_refused for one in outcomes),
        lost=len(lost),
        lost_before=sum(one.answered_s < moment_s for one in lost),
        lost_until_s=max((one.sent_s - moment_s for one in lost), default=-math.inf),
        failing_until_s=max((one.sent_s - moment_s for one in failed), default=-math.inf),
        longest_gap_s=longest_gap_s(outcomes),
        recovered_s=_back_s(load, moment_s, bound_ms / 1000, burst),
        p50_ms=p50,
        p99_ms=p99,
        problems=sorted({_problem(one) for one in lost})[:5],
        late_p99_ms=late,
        refused_in_flight=in_flight([one for one in outcomes if one.is_refused], moment_s),
    )


def _problem(one: Outcome) -> str:
    return f"{one.status or 'no answer:'} {one.problem}".strip()


def in_flight(outcomes: Sequence[Outcome], moment_s: float) -> int:
    """The number of requests sent and not yet answered at that moment."""
    return sum(one.sent_s <= moment_s < one.answered_s for one in outcomes)


def damage_of_end(
    load: Sequence[Outcome], moment_s: float, bound_ms: float, burst: Sequence[Outcome] = ()
) -> Damage:
    """Like `damage_of`, for an incident that the service doesn't come back from.

    A refused connection isn't lost if no later request gets one. Requests due after the incident
    don't count for the gap, and there is no way back.
    """
    outcomes = [*load, *burst]
    last_s = max(
        (one.sent_s for one in outcomes if not _connection_refused(one)), default=-math.inf
    )
    connected = [one for one in outcomes if not (_connection_refused(one) and one.sent_s > last_s)]
    return replace(
        damage_of(connected, moment_s, bound_ms),
        sent=len(outcomes),
        longest_gap_s=longest_gap_s([one for one in outcomes if one.scheduled_s <= moment_s]),
        recovered_s=math.nan,
        closed=len(outcomes) - len(connected),
    )


def _connection_refused(one: Outcome) -> bool:
    return one.is_lost and one.problem.startswith(ConnectionRefusedError.__name__)


def _is_answered(one: Outcome) -> bool:
    return one.is_right and one.answered_s - one.sent_s <= ANSWER_S


def _back_s(
    load: Sequence[Outcome], moment_s: float, bound_s: float, burst: Sequence[Outcome]
) -> float:
    """When p99 was back, seconds after the moment.

    p99 is that of the load alone: requests that come all at once wait for each other, and more of
    them would allow more to be late. But it isn't back before the end of any request of the burst
    that failed or took longer than a burst explains.
    """
    if not any(one.scheduled_s > moment_s for one in load):
        return math.nan
    ends = [one.answered_s - moment_s for one in burst if not _is_answered(one)]
    return max([recovered_s(load, moment_s, bound_s), *ends])


def recovered_s(outcomes: Sequence[Outcome], moment_s: float, bound_s: float) -> float:
    """Seconds until the p99 of all requests that end from then on is within the bound.

    Requests count when they end; without a correct answer they count as infinitely slow. So a
    request that hung counts until it came back. inf if fewer than `ENOUGH` requests are left to
    show it.
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
