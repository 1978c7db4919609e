"""An open-loop sender: requests leave when a Poisson process says so, whatever the server does.

A closed-loop tool, whose users wait for their answers, slows down with its server and hides the
queue. Here all arrivals are drawn before the run, each request is a task of its own, and its
latency counts from the moment at which it was due.

    plan = Plan(rate_per_s=12, seconds=30, seed=1)
    message = encode_form("/v1/unmask", {"photo": jpeg})
    outcomes = await send(url, plan.arrivals_s, lambda index: message, lambda index, answer: "")
    print(summary(outcomes))

Memory: one `Outcome` per request, plus the messages and answers of the requests in flight, at most
about `rate_per_s * timeout_s` of them. Answers aren't kept.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from loadtest.http_client import Answer, LostError, ask
from loadtest.objectives import REFUSED

MakeRequest = Callable[[int], bytes]  # the complete message of the request with this number
# What is wrong with an answer of status 200, or "". Runs in the sender's loop: keep it cheap.
Check = Callable[[int, Answer], str]


@dataclass(frozen=True)
class Plan:
    """Random arrivals; equal plans give equal arrivals."""

    rate_per_s: float
    seconds: float
    seed: int

    @cached_property
    def arrivals_s(self) -> list[float]:
        """When each request leaves, in seconds from the start, sorted."""
        rng = np.random.default_rng(self.seed)
        # Given their number, the arrivals of a Poisson process are uniform. The number itself
        # isn't left to chance: in a short run the rate would differ from the one asked for.
        count = round(self.rate_per_s * self.seconds)
        return [float(moment) for moment in np.sort(rng.uniform(0, self.seconds, count))]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one request; times are seconds from the start of the run."""

    index: int
    scheduled_s: float
    sent_s: float  # after `scheduled_s` if the sender itself was late
    answered_s: float  # or when it was given up
    status: int  # 0: lost; `problem` says how
    problem: str = ""  # with status 200: what the check found wrong

    @property
    def is_right(self) -> bool:
        """Answered with 200, and the check found nothing."""
        return self.status == 200 and not self.problem

    @property
    def is_lost(self) -> bool:
        """No answer at all."""
        return self.status == 0

    @property
    def is_refused(self) -> bool:
        """Turned away, since the service was full."""
        return self.status == REFUSED

    @property
    def latency_s(self) -> float:
        """Counts from when the request was due, so that waiting in the sender is included."""
        return self.answered_s - self.scheduled_s


def nothing_wrong(_index: int, _answer: Answer) -> str:
    """A check that accepts every answer."""
    return ""


async def send(
    url: str,
    arrivals_s: Sequence[float],
    make_request: MakeRequest,
    check: Check = nothing_wrong,
    timeout_s: float = 30.0,
    zero: float | None = None,
) -> list[Outcome]:
    """Sends a request at each of these moments and waits for the last answer.

    Args:
        url: `http://host:port`.
        arrivals_s: seconds from the start, sorted; see `Plan`.
        make_request: returns a request's message; see `http_client.encode_form`.
        check: called with each answer of status 200.
        timeout_s: after which a request counts as lost.
        zero: `time.perf_counter()` at the start, for callers that time other events of the run.

    Returns:
        One outcome per request, in the order of their arrivals.
    """
    zero = time.perf_counter() if zero is None else zero
    sender = _Sender(url, timeout_s, make_request, check, zero)
    async with asyncio.TaskGroup() as group:
        tasks = []
        for index, moment in enumerate(arrivals_s):
            await asyncio.sleep(max(0.0, zero + moment - time.perf_counter()))
            tasks.append(group.create_task(sender.send(index, moment)))
    return [task.result() for task in tasks]


async def send_in_turn(
    url: str,
    count: int,
    make_request: MakeRequest,
    check: Check = nothing_wrong,
    clients: int = 1,
    timeout_s: float = 30.0,
) -> list[Outcome]:
    """Sends `count` requests from clients that each wait for their answer: a closed loop.

    One client shows the latency without a queue, several the most that a server can do.
    """
    left = iter(range(count))
    sender = _Sender(url, timeout_s, make_request, check, time.perf_counter())

    async def work() -> list[Outcome]:
        return [await sender.send(index) for index in left]

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work()) for _ in range(clients)]
    return [outcome for task in tasks for outcome in task.result()]


def capacity_of(outcomes: Sequence[Outcome], clients: int) -> float:
    """Answers/s in the outcomes of `send_in_turn`, counted while all clients are still sending."""
    answered_s = sorted(one.answered_s for one in outcomes)[clients - 1 : -clients]
    return (len(answered_s) - 1) / (answered_s[-1] - answered_s[0])


class _Sender:
    def __init__(
        self, url: str, timeout_s: float, make_request: MakeRequest, check: Check, zero: float
    ) -> None:
        self._url, self._timeout_s, self._zero = url, timeout_s, zero
        self._make_request, self._check = make_request, check

    async def send(self, index: int, scheduled_s: float | None = None) -> Outcome:
        message = self._make_request(index)
        sent_s = time.perf_counter() - self._zero
        times = (sent_s if scheduled_s is None else scheduled_s, sent_s)
        try:
            answer = await ask(self._url, message, self._timeout_s)
        except LostError as error:
            now = time.perf_counter() - self._zero
            return Outcome(index, *times, now, 0, str(error))
        answered_s = time.perf_counter() - self._zero
        problem = self._check(index, answer) if answer.status == 200 else ""
        return Outcome(index, *times, answered_s, answer.status, problem)


@dataclass(frozen=True)
class Summary:
    """The numbers of a run; latencies are those of the correct answers, nan if there are none."""

    sent: int
    right: int
    wrong: int  # status 200, but the check found a problem
    lost: int
    statuses: dict[int, int]  # number of answers by status
    p50_ms: float
    p95_ms: float
    p99_ms: float
    longest_gap_s: float  # without a correct answer
    late_p99_ms: float  # how late the sender was; unless it is small, trust nothing

    @property
    def failed_share(self) -> float:
        """Share of requests without a correct answer: errors, 503s, lost and wrong ones."""
        return 1 - self.right / self.sent if self.sent else 0.0

    @property
    def refused(self) -> int:
        """The number of 503s."""
        return self.statuses.get(REFUSED, 0)


def summary(outcomes: Sequence[Outcome]) -> Summary:
    """The numbers of a run or of a part of it."""
    right = [one for one in outcomes if one.is_right]
    statuses = Counter(one.status for one in outcomes if not one.is_lost)
    p50, p95, p99 = percentiles_ms([one.latency_s for one in right], (50, 95, 99))
    (late,) = percentiles_ms([one.sent_s - one.scheduled_s for one in outcomes], (99,))
    return Summary(
        sent=len(outcomes),
        right=len(right),
        wrong=statuses[200] - len(right),
        lost=sum(one.is_lost for one in outcomes),
        statuses=dict(sorted(statuses.items())),
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
        longest_gap_s=longest_gap_s(outcomes),
        late_p99_ms=late,
    )


def percentiles_ms(seconds: Sequence[float], which: Sequence[float]) -> list[float]:
    """Percentiles of times given in seconds, in ms; nan if there are none."""
    if not seconds:
        return [float("nan")] * len(which)
    return [1000 * float(value) for value in np.percentile(seconds, which)]


def longest_gap_s(outcomes: Sequence[Outcome]) -> float:
    """The longest time without a correct answer, from the first arrival to the last end."""
    if not outcomes:
        return 0.0
    start = min(one.scheduled_s for one in outcomes)
    end = max(one.answered_s for one in outcomes)
    moments = [start, *sorted(one.answered_s for one in outcomes if one.is_right), end]
    return max(after - before for before, after in pairwise(moments))
