"""What a perfect server as fast as the limit could hold: the ceiling that the arrivals set.

Poisson arrivals bunch, so no queue keeps p99 within 5 times its service time all the way up to its
capacity. How far up it can is simulated here: one FIFO queue in front of equal servers, the same
service time for each request, and no overhead between queue and servers.
"""

import heapq

from loadtest.meter import P99_BOUND
from loadtest.open_loop import Plan, percentiles_ms

_RUNS = 25  # simulations per rate, decided by majority; they cost next to nothing


def ideal_share(servers: int, service_s: float, trial_s: float) -> float:
    """Goodput as a share of the capacity, under the bench's bound and trial length.

    Args:
        servers: how many requests are served at the same time.
        service_s: seconds per request.
        trial_s: length of a trial.
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
