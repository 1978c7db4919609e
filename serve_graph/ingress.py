"""The graph's entrance: HTTP in, the stages behind it; photos are decoded and encoded here."""

import sys
from typing import Any

from ray import serve
from ray.serve.handle import DeploymentHandle
from starlette.types import ASGIApp

from models.checkpoint import load_manifest
from models.stages import Stages, load_models
from serve_graph.api import create_api
from serve_graph.exposition import ClusterMetrics
from serve_graph.metrics import Recorder
from serve_graph.readiness import STAGES, Readiness, always_ready
from serve_graph.replica import Replica
from serve_graph.service import Service
from serve_graph.settings import GraphArgs
from serve_graph.stages import MeasuredStages, RemoteStages

# How often a computing thread lets the event loop run. Refusing a request takes several turns of
# the loop: under a flood, some refusals took 100 to 300 ms with Python's own 5 ms, 40 with this.
_SWITCH_S = 0.0005


@serve.deployment  # replicas and limits: configs/*.yaml
@serve.ingress()
class Ingress(Replica):
    """Split: calls the deployments it is given. Fused: is given none and runs all stages itself."""

    def __init__(self, args: GraphArgs, *deployments: DeploymentHandle[Any]) -> None:
        super().__init__(args.threads)
        sys.setswitchinterval(_SWITCH_S)
        recorder = Recorder()
        self._service = Service(
            stages=RemoteStages(*deployments) if deployments else _local(args, recorder),
            model_version=load_manifest(args.weights_folder).version,
            settings=args.api,
            ready=_readiness(*deployments) if deployments else always_ready,
            metrics=ClusterMetrics(),
            recorder=recorder,
        )

    async def check_health(self) -> None:
        """Serve replaces the replica if this raises three times in a row."""
        stages = self._service.stages
        if isinstance(stages, MeasuredStages):  # otherwise each deployment checks its own
            await stages.self_test()

    async def drain(self) -> bool:
        """Accepts nothing new; returns when all accepted requests are answered.

        The result is False if it was already draining.
        """
        return await self._service.draining.finish()

    def __serve_build_asgi_app__(self) -> ASGIApp:
        """Serve calls this once the replica is constructed."""
        app: ASGIApp = create_api(self._service)
        return app


def _local(args: GraphArgs, recorder: Recorder) -> Stages:
    models = load_models(args.weights_folder, args.device, args.fan_folder)
    return MeasuredStages(models, recorder, args.workers, args.warp, args.blend)


def _readiness(*deployments: DeploymentHandle[Any]) -> Readiness:
    names = [handle.deployment_name for handle in deployments]
    app = serve.get_replica_context().app_name
    return Readiness(app, dict(zip(STAGES, names, strict=True)))
