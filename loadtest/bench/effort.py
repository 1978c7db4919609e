"""How long `make bench` takes over each part."""

import math
from dataclasses import dataclass

from loadtest.open_loop import Plan


@dataclass(frozen=True)
class Effort:
    """Numbers of one run; times are seconds."""

    rounds: int  # all systems in turn, so many times
    other_rounds: int  # of them, in which W2 and W3 are measured too
    unloaded_s: float  # one client, a workload and system
    capacity_s: float  # several clients, to find where the search begins
    trial_s: float  # of Poisson arrivals, one rate
    trial_requests: int  # at least: it takes longer where a photo has many faces
    trials: int  # of the search with W1, which the goals are about
    other_trials: int  # with another workload
    overload_s: float  # twice the load that the system can hold
    overloads_all: bool  # with all workloads, or with W1 alone
    flood_s: float  # our own with W1, far over the capacity: what a refusal costs
    limit_s: float  # in process, a workload and form
    pace_s: float  # the fastest of them, before and after each system
    stage_requests: int  # of which the parts are looked at
    budget_s: float  # after which no turn with W2 or W3 begins

    def plan(self, rate: float, seed: int) -> Plan:
        """The arrivals of a trial of the search."""
        return Plan(rate, self.seconds_of(rate), seed)

    def seconds_of(self, rate: float) -> float:
        """How long a trial at this rate takes."""
        return max(self.trial_s, self.trial_requests / rate)


# A p99 wants some hundred answers a trial, and the search ends within 3 %. An hour and a half.
FULL = Effort(
    rounds=3,
    other_rounds=1,
    unloaded_s=10,
    capacity_s=10,
    trial_s=15,
    trial_requests=50,
    trials=4,
    other_trials=3,
    overload_s=15,
    overloads_all=True,
    flood_s=10,
    limit_s=8,
    pace_s=10,
    stage_requests=12,
    budget_s=math.inf,
)
# W1 with all systems, then the others while there is time: ten minutes on slow cores too.
QUICK = Effort(
    rounds=1,
    other_rounds=1,
    unloaded_s=2,
    capacity_s=1.5,
    trial_s=4,
    trial_requests=10,
    trials=2,
    other_trials=2,
    overload_s=5,
    overloads_all=False,
    flood_s=5,
    limit_s=2,
    pace_s=1.5,
    stage_requests=6,
    budget_s=500,
)
