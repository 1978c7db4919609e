"""What the service measures, declared here and nowhere else.

Values travel through Ray's metrics agents, so one scrape sees every replica. `ray.serve.metrics`
adds the labels `application`, `deployment` and `replica`. Ray prefixes the names with `ray_` on its
agents' ports; `/metrics` removes the prefix. Of a histogram, Ray keeps only the buckets: the `_sum`
that it exports is computed from their midpoints, so the bounds below are close together.
"""

from dataclasses import dataclass
from typing import Literal

from ray.serve import metrics

SECONDS = tuple(
    round(step * 10.0**power, 4) for power in range(-3, 2) for step in (1, 1.5, 2, 3, 5, 7.5)
)
LATE_S = 3.0  # the objective in configs/prometheus/rules.yml: who left sooner says nothing about it
_FAILED = 500  # from this code on: a quick refusal would make the latencies look better
# Up to 8, a batch of n is in the middle of its bucket, so the mean size is exact.
BATCH_SIZES = (0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 12.5, 16.5, 32.5, 64.5)


@dataclass(frozen=True)
class MetricSpec:
    """One metric."""

    name: str  # a counter gets "_total" when it is exported
    kind: Literal["counter", "histogram"]
    help: str
    labels: tuple[str, ...]
    buckets: tuple[float, ...] = ()

    @property
    def exposed_name(self) -> str:
        """The name at `/metrics`."""
        return f"{self.name}_total" if self.kind == "counter" else self.name


REQUESTS = MetricSpec(
    "mask2face_requests", "counter", "Answers, by route and status code.", ("route", "code")
)
REQUEST_TIME = MetricSpec(
    "mask2face_request_seconds",
    "histogram",
    "Seconds from the request's arrival to its answer, without its upload, of answers other than "
    "5xx. A client that left before is included if it waited over 3 s.",
    ("route",),
    SECONDS,
)
STAGE_TIME = MetricSpec(
    "mask2face_stage_seconds",
    "histogram",
    "Seconds of one call of a stage: part=queue until its batch starts, part=compute of the batch. "
    "stage=place: until it is a photo's turn to be decoded, part=queue only.",
    ("stage", "part"),
    SECONDS,
)
BATCH_SIZE = MetricSpec(
    "mask2face_batch_size", "histogram", "Calls in one batch.", ("stage",), BATCH_SIZES
)
FACES = MetricSpec("mask2face_faces", "counter", "Faces, by what happened to them.", ("outcome",))
REJECTED = MetricSpec(
    "mask2face_rejected", "counter", "Requests that were refused, by reason.", ("reason",)
)
DECLARED = (REQUESTS, REQUEST_TIME, STAGE_TIME, BATCH_SIZE, FACES, REJECTED)


class Recorder:
    """Records through Ray; must be created inside a replica, whose labels it takes."""

    def __init__(self) -> None:
        self._requests = _counter(REQUESTS)
        self._request_time = _histogram(REQUEST_TIME)
        self._stage_time = _histogram(STAGE_TIME)
        self._batch_size = _histogram(BATCH_SIZE)
        self._faces = _counter(FACES)
        self._rejected = _counter(REJECTED)

    def request(self, route: str, code: int, seconds: float, is_answered: bool) -> None:
        """An answer was ready, or the client left before; `route` is the template, not the path."""
        self._requests.inc(tags={"route": route, "code": str(code)})
        if code < _FAILED and (is_answered or seconds > LATE_S):
            self._request_time.observe(seconds, tags={"route": route})

    def stage(self, stage: str, queue_s: float, compute_s: float) -> None:
        """A call of a stage waited, then ran."""
        self._stage_time.observe(queue_s, tags={"stage": stage, "part": "queue"})
        self._stage_time.observe(compute_s, tags={"stage": stage, "part": "compute"})

    def place(self, queue_s: float) -> None:
        """A request that holds a place waited for its photo's turn to be decoded."""
        self._stage_time.observe(queue_s, tags={"stage": "place", "part": "queue"})

    def batch(self, stage: str, size: int) -> None:
        """A batch of this many calls starts."""
        self._batch_size.observe(size, tags={"stage": stage})

    def faces(self, outcome: str, count: int) -> None:
        """`outcome` happened to `count` faces."""
        if count:
            self._faces.inc(count, tags={"outcome": outcome})

    def rejected(self, reason: str) -> None:
        """A request was refused."""
        self._rejected.inc(tags={"reason": reason})


def _counter(what: MetricSpec) -> metrics.Counter:
    return metrics.Counter(what.name, what.help, what.labels)  # type: ignore[arg-type]


def _histogram(what: MetricSpec) -> metrics.Histogram:
    return metrics.Histogram(what.name, what.help, list(what.buckets), what.labels)  # type: ignore[arg-type]
