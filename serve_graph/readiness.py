"""Which stages answer calls, as Serve's controller sees them."""

import asyncio
import time
from typing import Any

from ray.serve.context import _get_global_client

from serve_graph.probe import Probe

STATUS_AGE_S = 1.0  # more frequent probes get the same answer
STATUS_TIMEOUT_S = 2.0
STAGES = ("crop", "mask", "inpaint", "swap")
# A restarted controller first looks for its replicas, and one whose node drains waits for its
# successor: they keep answering meanwhile.
_ANSWERS = ("RUNNING", "RECOVERING", "PENDING_MIGRATION")


class Readiness:
    """Asks the controller, at most once every `STATUS_AGE_S`.

    Args:
        app: the application's name.
        deployments: the name of each stage's deployment.
    """

    def __init__(self, app: str, deployments: dict[str, str]) -> None:
        self._app, self._deployments = app, deployments
        self._controller = Probe("Status of the stages", self._ask, STATUS_TIMEOUT_S)
        self._seen = dict.fromkeys(deployments, False)
        self._due = 0.0
        self._lock = asyncio.Lock()

    async def __call__(self) -> dict[str, bool]:
        """By stage, whether it answers calls; as last seen while nobody knows."""
        async with self._lock:
            if time.monotonic() >= self._due:
                # Requests don't go through the controller: stages keep working without it.
                self._seen = await self._controller.latest() or self._seen
                self._due = time.monotonic() + STATUS_AGE_S
            return self._seen

    def _ask(self) -> dict[str, bool]:
        # Not `serve.status()`: it holds the GIL for some 90 ms, this for 2.
        client = _get_global_client()
        assert client is not None  # it raises if Serve isn't running
        found = client.get_serve_details()["applications"][self._app]["deployments"]
        if not found:  # an update is being built, or its build failed: the old replicas answer
            return {}
        return {stage: _answers(found[name]) for stage, name in self._deployments.items()}


def _answers(deployment: dict[str, Any]) -> bool:
    """Whether a call of it is answered: by a replica, or by the first one that the call starts."""
    if any(one["state"] in _ANSWERS for one in deployment["replicas"]):
        return True
    scaling = deployment["deployment_config"].get("autoscaling_config") or {}
    is_waking = scaling.get("min_replicas") == 0 and deployment["status"] == "UPSCALING"
    return deployment["target_num_replicas"] == 0 or is_waking


async def always_ready() -> dict[str, bool]:
    """For a replica that holds all stages: it wouldn't be running without them."""
    return dict.fromkeys(STAGES, True)
