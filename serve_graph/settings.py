"""What operators can set: `args` of the YAML, and the batching in each `user_config`.

docs/settings.md says when to change each key.
"""

import re
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveInt, field_validator

from models.choices import MAX_FACES, QUALITY, Blend, DeviceName, Landmarker, Warp
from models.photo.header import DEFAULT_LIMITS, Limits
from serve_graph import PROJECT

# An upload from a phone takes seconds, longer than the work on its photo.
UPLOADS_PER_PLACE = 2
MAX_TAKING_S = 300.0  # that a client may take to read its answer, however large it is
# Prefixes of paths that the API, the page and Serve itself use.
RESERVED_PREFIXES = ("/-", "/docs", "/healthz", "/readyz", "/static", "/v1")
# As browsers send them: https://www.rfc-editor.org/rfc/rfc6454#section-6.1
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
_OWN_PORT = re.compile(r"http://.*:80|https://.*:443")


class ApiSettings(BaseModel):
    """Settings of the HTTP side, `args.api` of the YAML; limits are per ingress replica."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    limits: Limits = DEFAULT_LIMITS
    max_faces: int = Field(MAX_FACES, ge=1)  # per photo; the best ones are edited
    at_once: int = Field(4, ge=1)  # faces of one photo in the stages at the same time
    min_probability: float = Field(0.5, ge=0, le=1)  # below it a face counts as bare
    quality: int = Field(QUALITY, ge=1, le=100)  # of JPEG and WebP, if the caller sets none
    default_timeout_s: float = Field(30.0, gt=0)  # without X-Request-Timeout-Ms
    max_timeout_s: float = Field(120.0, gt=0)  # caps X-Request-Timeout-Ms, and the shutdown
    # Decoded; others wait. One of 12 megapixels takes 110 MB until its answer is made, or up to
    # 510 MB with a reference and four candidates: see "Memory" in docs/settings.md.
    photos_at_once: int = Field(8, ge=1)
    # Fully uploaded; more get 503. Besides these, twice as many may be uploading.
    max_requests: int = Field(64, ge=1)
    max_standing: int = Field(64, ge=1)  # the limit while a queue persists: see `Places`
    retry_after_s: float = Field(1.0, gt=0)  # Retry-After of a 503, rounded up
    open_metrics: bool = True  # whether `metrics_path` answers
    metrics_path: str = Field("/metrics", pattern=r"^/[\w/-]+$")
    allow_origins: tuple[str, ...] = ()  # CORS: pages of these origins may call; "*" for all

    @field_validator("metrics_path")
    @classmethod
    def _is_free(cls, path: str) -> str:
        if f"/{path.split('/')[1]}" in RESERVED_PREFIXES:
            raise ValueError(f"{path} is taken: choose one outside {', '.join(RESERVED_PREFIXES)}")
        return path

    @field_validator("allow_origins")
    @classmethod
    def _are_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for one in origins:
            if one == "null":
                raise ValueError(
                    "'null' is the origin of any file:// page and sandboxed frame, so it keeps "
                    'nobody out: to let them call, allow "*"'
                )
            is_sent = _ORIGIN.fullmatch(one) and not _OWN_PORT.fullmatch(one)
            if one != "*" and not is_sent:
                raise ValueError(
                    f"'{one}' never matches: browsers send scheme://host, or scheme://host:port "
                    "if the port isn't the scheme's default, in lower case and without a path"
                )
        return origins


class GraphArgs(BaseModel):
    """`args` of the application; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    shape: Literal["split", "fused"] = "split"  # a deployment for each stage, or one for all
    weights: Path = Path("weights")  # with manifest.json; relative paths start at the project
    device: DeviceName = "cpu"
    threads: PositiveInt = 1  # CPU threads of one call of a net, in each replica
    workers: PositiveInt = 1  # fused only: stage calls that run at the same time
    warp: Warp = "mesh"  # how a reference is warped onto the face: see `swap_face`
    blend: Blend = "feather"  # how its edge is blended in
    landmarks: Landmarker = "embedded"  # what finds the points of a reference
    fan_weights: Path = Path("weights/fan")  # folder of face-alignment's weights file
    api: ApiSettings = ApiSettings.model_validate({})

    @property
    def weights_folder(self) -> Path:
        """The folder of the manifest."""
        return PROJECT / self.weights

    @property
    def fan_folder(self) -> Path | None:
        """The folder of FAN's weights; None if FAN isn't used."""
        return PROJECT / self.fan_weights if self.landmarks == "face-alignment" else None


class Batching(BaseModel):
    """`user_config` of a deployment with a net; changes reach running replicas."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    max_batch_size: PositiveInt = 1  # at most max_ongoing_requests of the deployment
    batch_wait_timeout_s: NonNegativeFloat = 0.0  # how long the first call waits for others
