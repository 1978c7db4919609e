"""The service that tests share: one Ray, the split graph at / and the fused one at /fused."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from serve_graph import PROJECT, launch
from serve_graph.config_file import read_config
from serve_graph.flags import free_port
from tests.collector import Collector

TIMEOUT_S = 240.0  # of one request; the cores may be busy
MAX_TIMEOUT_MS = str(int(TIMEOUT_S * 1000))


@dataclass
class Served:
    """The running service, and what a test may do with it."""

    url: str
    content: dict[str, Any]  # the config it runs
    spool: Path  # the temp folder of all its processes
    logs: Path  # the folder of Serve's logs
    collector: Collector  # receives the spans of all replicas

    def post(self, path: str, photo: bytes, **options: Any) -> httpx.Response:
        """Sends a photo."""
        headers = {"X-Request-Timeout-Ms": MAX_TIMEOUT_MS} | options.pop("headers", {})
        with httpx.Client(timeout=TIMEOUT_S) as client:
            files = {"photo": photo, **options.pop("files", {})}
            return client.post(self.url + path, files=files, headers=headers, **options)

    def metrics(self) -> str:
        """The text of /metrics."""
        return httpx.get(self.url + "/metrics", timeout=TIMEOUT_S).raise_for_status().text

    def count(self, name: str, **labels: str) -> float:
        """The sum of the samples of this name with these labels."""
        return sum(
            sample.value
            for family in text_string_to_metric_families(self.metrics())
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def batches(self, stage: str) -> float:
        """How many batches a stage of the split graph has started so far."""
        labels = {"stage": stage, "application": "split"}
        return self.count("mask2face_batch_size_count", **labels)

    def pids(self, deployment: str) -> list[int]:
        """The processes of a deployment of the split graph."""
        from ray.serve.context import _get_global_client

        details = _get_global_client().get_serve_details()
        replicas = details["applications"]["split"]["deployments"][deployment]["replicas"]
        return [replica["pid"] for replica in replicas if replica["state"] == "RUNNING"]

    @contextmanager
    def changed(self, deployment: str, **keys: Any) -> Iterator[None]:
        """Redeploys with other keys for a split graph's deployment; restores them at the end."""
        content = copy.deepcopy(self.content)
        (found,) = (
            one for one in content["applications"][0]["deployments"] if one["name"] == deployment
        )
        found.update(keys)
        launch.apply_config(content)
        try:
            yield
        finally:
            launch.apply_config(self.content)


def shared_config() -> dict[str, Any]:
    """The shipped configs as two applications of one Serve."""
    apps = []
    for name, shape, prefix in (("laptop", "split", "/"), ("fused", "fused", "/fused")):
        content = read_config(PROJECT / "configs" / f"{name}.yaml", port=free_port())
        (app,) = content["applications"]
        app |= {"name": shape, "route_prefix": prefix}
        app["args"]["api"] = {"max_timeout_s": TIMEOUT_S}
        for deployment in app["deployments"]:
            if deployment["name"] == "Inpainter":  # one replica: batches form, its death costs more
                deployment["num_replicas"] = 1
        apps.append(app)
    return content | {"applications": apps}
