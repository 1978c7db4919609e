"""What a perfect server of the limit's speed could hold: the ceiling that the arrivals set.

Poisson arrivals come in bunches, so that no queue keeps p99 within 5 times its service time all
the way up to its capacity. One FIFO queue before equal servers with the same service time for
each request, none lost between them, says how far up it can.
"""

import heapq

from loadtest.bench.measure import P99_BOUND
from loadtest.open_loop import Plan, percentiles_ms

_RUNS = 25  # the median of so many: they cost next to nothing


def ideal_share(servers: int, service_s: float, trial_s: float) -> float:
    """Goodput as a share of the capacity, under the bench's bound and length of trial.

    Args:
        servers: requests that are served at the same time.
        service_s: that each takes.
        trial_s: length of a run.
    """
    capacity = servers / service_s

    def holds(rate: float) -> bool:
        passed = sum(
            _p99_s(servers, service_s, Plan(rate, trial_s, seed)) <= bound_s
            for seed in range(_RUNS)
        )
        return passed > _RUNS / 2

    bound_s = P99_BOUND * service_s
    low, high = 0.0, capacity
    for _ in range(8):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low / capacity


def _p99_s(servers: int, service_s: float, plan: Plan) -> float:
    free = [0.0] * servers
    latencies = []
    for moment in plan.arrivals_s:
        end = max(moment, heapq.heappop(free)) + service_s
        heapq.heappush(free, end)
        latencies.append(end - moment)
    return percentiles_ms(latencies, [99])[0] / 1000 if latencies else 0.0
