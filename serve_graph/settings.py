"""What operators can set: `args` of the YAML, and the batching in each `user_config`.

docs/settings.md says when to change each key.
"""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, NonNegativeFloat, PositiveInt

from models.swap.swap import Blend, Warp
from serve_graph import PROJECT
from serve_graph.service import ApiSettings

Landmarker = Literal["embedded", "face-alignment"]


class GraphArgs(BaseModel):
    """`args` of the application; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    shape: Literal["split", "fused"] = "split"  # a deployment for each stage, or one for all
    weights: Path = Path("weights")  # with manifest.json; relative paths start at the project
    device: Literal["cpu", "cuda"] = "cpu"
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
