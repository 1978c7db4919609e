"""Where our own service spends its time, by stage, from /metrics and Server-Timing.

`mask2face_stage_seconds` gives a stage's time in its queue and in its function separately. What
Server-Timing reports for the stage beyond the two, over the same requests, is the hop, the way
there and back. A call counts as queued while it is still on its way there, so at one client the
queue column is only that. The sums are computed from the midpoints of the histogram's buckets:
they are off by 10 to 20 %, so a hop of 0 is one within that error.
"""

import asyncio
from collections import defaultdict
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from loadtest.http_client import ask, encode
from loadtest.judge import RefusedError, reason
from serve_graph.flags import read_flags

METRIC = "mask2face_stage_seconds"
STAGES = ("crop", "mask", "inpaint", "landmarks", "swap")  # those that may run in another process
# Until /metrics has the numbers of all replicas: each exports them once per interval.
EXPORT_S = int(read_flags()["RAY_metrics_report_interval_ms"]) / 1000 + 2

Seconds = dict[tuple[str, str], float]  # by stage and part


@dataclass(frozen=True)
class StageTime:
    """Milliseconds of one request, summed over its faces."""

    stage: str
    queue_ms: float
    compute_ms: float
    total_ms: float

    @property
    def hop_ms(self) -> float:
        """What queue and compute leave of the total; 0 if they exceed it."""
        return max(0.0, self.total_ms - self.queue_ms - self.compute_ms)


async def read_stage_seconds(url: str) -> Seconds:
    """The stages' seconds so far, once all replicas have exported them.

    Raises:
        RefusedError: /metrics doesn't answer with 200.
    """
    await asyncio.sleep(EXPORT_S)
    answer = await ask(url, encode("GET", "/metrics"))
    if answer.status != 200:
        raise RefusedError(f"/metrics: {reason(answer)}")
    return parse(answer.body.decode())


def parse(text: str) -> Seconds:
    """The stages' seconds in a text of /metrics, summed over all replicas."""
    ours = "\n".join(line for line in text.splitlines() if METRIC in line)
    seconds: Seconds = defaultdict(float)
    for family in text_string_to_metric_families(ours + "\n"):
        for sample in family.samples:
            if sample.name == f"{METRIC}_sum":
                seconds[sample.labels["stage"], sample.labels["part"]] += sample.value
    return dict(seconds)


def stage_times(
    before: Seconds, after: Seconds, requests: int, timings_ms: dict[str, float], client_ms: float
) -> list[StageTime]:
    """The parts of a mean request, largest first.

    Args:
        before: from `read_stage_seconds`.
        after: the same, `requests` later.
        requests: how many were sent between the two.
        timings_ms: means of Server-Timing over the same requests.
        client_ms: the mean latency that the client saw.
    """
    spent = {key: 1000 * (value - before.get(key, 0.0)) / requests for key, value in after.items()}
    times = []
    for stage, whole_ms in timings_ms.items():
        if stage == "total":
            times.append(StageTime("HTTP", 0.0, 0.0, client_ms - whole_ms))
        elif stage in STAGES:
            queue_ms, compute_ms = (spent.get((stage, part), 0.0) for part in ("queue", "compute"))
            times.append(StageTime(stage, queue_ms, compute_ms, whole_ms))
        else:
            times.append(StageTime(stage, 0.0, whole_ms, whole_ms))
    return sorted(times, key=lambda one: -one.total_ms)
