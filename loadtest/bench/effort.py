"""How long `make bench` spends on each part."""

import math
from dataclasses import dataclass

from loadtest.open_loop import Plan


@dataclass(frozen=True)
class Effort:
    """The numbers of one run; times are in seconds."""

    rounds: int  # how often all systems take a turn; W2 and W3 only in the first
    unloaded_s: float  # one client, per workload and system
    capacity_s: float  # several clients, to find where the search begins
    trial_s: float  # Poisson arrivals at one rate
    trial_requests: int  # at least; a trial at a low rate takes longer
    trials: int  # of the search
    overload_s: float  # twice the load that the system holds, at least
    # At least, in latency bounds: until a queue without end is that long, it looks harmless.
    overload_bounds: float
    overloads_all: bool  # with all workloads, or only with W1
    flood_s: float  # our own with W1, far above capacity: what a refusal costs
    limit_s: float  # in process, per workload and form
    pace_s: float  # the fastest form, before and after each system
    stage_requests: int  # whose time is split up by stage
    budget_s: float  # after this no turn with W2 or W3 begins

    def plan(self, rate: float, seed: int) -> Plan:
        """The arrivals of a trial of the search."""
        return Plan(rate, self.seconds_of(rate), seed)

    def seconds_of(self, rate: float) -> float:
        """How long a trial at this rate takes."""
        return max(self.trial_s, self.trial_requests / rate)


# A p99 needs some hundred answers per trial; the search ends within 3 % of the capacity. Takes an
# hour and a half.
FULL = Effort(
    rounds=3,
    unloaded_s=10,
    capacity_s=10,
    trial_s=15,
    trial_requests=50,
    trials=4,
    overload_s=15,
    overload_bounds=15,
    overloads_all=True,
    flood_s=10,
    limit_s=8,
    pace_s=10,
    stage_requests=12,
    budget_s=math.inf,
)
# W1 with all systems, then the others as time allows: ten minutes, on slow cores too.
QUICK = Effort(
    rounds=1,
    unloaded_s=2,
    capacity_s=1.5,
    trial_s=4,
    trial_requests=10,
    trials=2,
    overload_s=5,
    overload_bounds=6,
    overloads_all=False,
    flood_s=5,
    limit_s=2,
    pace_s=1.5,
    stage_requests=6,
    budget_s=500,
)
