"""What the HTTP side needs of the rest: who does the steps, and the operator's numbers."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, Field

from models.photo.header import DEFAULT_LIMITS, Limits
from models.stages import Stages
from serve_graph.draining import Draining
from serve_graph.metrics import Recorder


class ApiSettings(BaseModel):
    """Numbers of the HTTP side, `args.api` of the YAML; bounds are for each ingress replica."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limits: Limits = DEFAULT_LIMITS
    max_faces: int = Field(32, ge=1)  # of one photo; the best ones are edited
    at_once: int = Field(4, ge=1)  # faces of one photo in the stages at the same time
    min_probability: float = Field(0.5, ge=0, le=1)  # below it a face counts as bare
    quality: int = Field(92, ge=1, le=100)  # of JPEG and WebP, where the caller names none
    default_timeout_s: float = Field(30.0, gt=0)  # without X-Request-Timeout-Ms
    max_timeout_s: float = Field(120.0, gt=0)  # whatever X-Request-Timeout-Ms says; the end too
    # Decoded; others wait. One of 12 megapixels takes about 110 MB until it is answered.
    photos_at_once: int = Field(8, ge=1)
    # Whose bodies are in; more get 503. Twice as many more may come in at the same time.
    max_requests: int = Field(64, ge=1)
    max_standing: int = Field(64, ge=1)  # instead, while a queue stays: see `Places`
    retry_after_s: float = Field(1.0, gt=0)  # what a 503 tells the caller to wait, rounded up
    open_metrics: bool = True  # whether `metrics_path` answers
    metrics_path: str = Field("/metrics", pattern=r"^/[\w/-]+$")
    allow_origins: tuple[str, ...] = ()  # CORS: pages of these origins may call, "*" for all


@dataclass(frozen=True)
class Service:
    """One running graph as its HTTP side sees it."""

    stages: Stages
    version: str  # of the weights manifest; goes out as X-Model-Version
    settings: ApiSettings
    ready: Callable[[], Awaitable[dict[str, bool]]]  # by stage
    metrics: Callable[[], Awaitable[bytes]]  # Prometheus text
    recorder: Recorder
    # Ray Serve's proxy puts X-Request-ID on each answer by itself: two would be sent.
    adds_request_id: bool = True
    draining: Draining = field(default_factory=Draining)
