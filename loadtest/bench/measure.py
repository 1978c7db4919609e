"""Measures a system with one workload: latency unloaded, goodput, and goodput at twice the load.

Goodput is the most good answers per second at a rate that holds (see `loadtest.meter`).
"""

from dataclasses import dataclass, replace

from loadtest.bench.effort import Effort
from loadtest.meter import P99_BOUND, Meter, Trial
from loadtest.open_loop import Plan, Summary

FLOOD = 3.0  # times the capacity: most requests are refused
_LOWEST, _HIGHEST = 0.5, 1.05  # of the capacity: the interval in which the search begins
_STEP = 1.25  # upwards from there while all trials hold, until one doesn't


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


async def measure(meter: Meter, effort: Effort, seed: int, is_main: bool) -> Measured:
    """Measures all numbers of a system with one workload.

    Args:
        meter: of a warm server.
        effort: how long each part takes.
        seed: of the arrivals; the same for all systems in a round.
        is_main: it is the workload of the goals: always with the overload.

    Raises:
        WrongAnswerError: an answer is wrong.
        RefusedError: even a few clients aren't all answered.
    """
    unloaded = await meter.unloaded(effort.unloaded_s)
    capacity = await meter.capacity(effort.capacity_s, unloaded)
    trials = await search(meter, capacity, unloaded.p50_ms, effort, seed)
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
    meter: Meter, capacity: float, p50_ms: float, effort: Effort, seed: int
) -> list[Trial]:
    """Halves the interval between a rate that holds and one that doesn't, `effort.trials` times.

    The interval lies around the capacity, which is only an estimate. If nothing in it holds, the
    search continues below it; if everything does, it restarts above, from the rate that held.

    All trials have the same seed: a higher rate adds arrivals to those of a lower one. With a seed
    for each, one that has few bursts holds at a tenth more than another, and chance would decide.
    """
    low, high = _LOWEST * capacity, _HIGHEST * capacity
    trials = await _halve(meter, (low, high), p50_ms, effort.trials, effort, seed)
    while all(one.holds for one in trials):
        rate = _STEP * trials[-1].rate
        trials.append(await meter.trial(effort.plan(rate, seed), p50_ms))
        if not trials[-1].holds:
            interval = (trials[-2].rate, rate)
            trials += await _halve(meter, interval, p50_ms, effort.trials - 1, effort, seed)
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
