"""What the HTTP side needs from the rest: the stages, and the operator's settings."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from models.stages import Stages
from serve_graph.draining import Draining
from serve_graph.metrics import Recorder
from serve_graph.settings import ApiSettings


@dataclass(frozen=True)
class Service:
    """One running graph as its HTTP side sees it."""

    stages: Stages
    model_version: str  # of the weights manifest; sent as X-Model-Version
    settings: ApiSettings
    ready: Callable[[], Awaitable[dict[str, bool]]]  # by stage
    metrics: Callable[[], Awaitable[bytes]]  # Prometheus text
    recorder: Recorder
    draining: Draining = field(default_factory=Draining)
