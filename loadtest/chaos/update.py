"""A rolling update under load, done as on a cluster: `ray start`, then `serve deploy` twice."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from loadtest.chaos.service import Graph, config_with, environment, temp_folder
from loadtest.http_client import wait_until_ready
from loadtest.servers import BIN, PROJECT, StartError, serving
from serve_graph.flags import free_port, missing_flags

WEIGHTS = PROJECT / "weights"
_NET, _LAST_LAYER, _FAINTER = "inpaint", "head.2.weight", 0.5
_READY_TIMEOUT_S = 180.0


@dataclass(frozen=True)
class Cluster:
    """A one-node cluster that runs the service."""

    graph: Graph
    folder: Path
    dashboard: str
    environment: dict[str, str]

    async def deploy(self, weights: Path) -> None:
        """Runs `serve deploy` with these weights; returns before they are in use.

        Raises:
            StartError: the deploy was refused.
        """
        port = int(self.graph.url.rpartition(":")[2])
        config = self.folder / "config.yaml"
        config.write_text(yaml.safe_dump(config_with(None, port, weights)))
        process = await asyncio.create_subprocess_exec(
            str(BIN / "serve"),
            "deploy",
            "--address",
            self.dashboard,
            str(config),
            cwd=PROJECT,
            env=os.environ | self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        if process.returncode:
            raise StartError(f"serve deploy: {output.decode()[-2000:]}")


@contextmanager
def serving_cluster() -> Iterator[Cluster]:
    """Runs `ray start` and a first `serve deploy` while the block runs.

    Raises:
        StartError: it didn't come up.
    """
    port, dashboard_port = free_port(), free_port()
    dashboard = f"http://127.0.0.1:{dashboard_port}"
    with temp_folder() as folder:
        own = environment(folder) | missing_flags(os.environ)
        start = _ray_start(folder, dashboard_port)
        with serving(start, dashboard, "/api/gcs_healthz", own, own_session=True) as pid:
            graph = Graph(f"http://127.0.0.1:{port}", pid, folder / "tmp")
            cluster = Cluster(graph, folder, dashboard, own)
            asyncio.run(_deploy_first(cluster))
            yield cluster


def _ray_start(folder: Path, dashboard_port: int) -> list[str]:
    command = [str(BIN / "ray"), "start", "--head", "--block", "--include-log-monitor=false"]
    # Ports are fixed by default, and another cluster on this machine may hold them.
    command += ["--port", str(free_port()), "--ray-client-server-port", str(free_port())]
    command += ["--dashboard-agent-listen-port", str(free_port())]
    command += ["--dashboard-host", "127.0.0.1", "--dashboard-port", str(dashboard_port)]
    return [*command, "--temp-dir", str(folder / "ray")]


async def _deploy_first(cluster: Cluster) -> None:
    await cluster.deploy(WEIGHTS)
    try:
        await wait_until_ready(cluster.graph.url, "/readyz", _READY_TIMEOUT_S)
    except TimeoutError:
        raise StartError(f"not ready within {_READY_TIMEOUT_S:g} s of serve deploy") from None


def make_other_weights(folder: Path) -> Path:
    """Copies the weights with a generator that paints fainter, pinned as another version."""
    other = folder / "weights"
    shutil.copytree(WEIGHTS, other)
    file = other / f"{_NET}.safetensors"
    with safe_open(file, framework="numpy") as opened:
        metadata = opened.metadata()
    tensors = load_file(file)
    tensors[_LAST_LAYER] = (tensors[_LAST_LAYER] * _FAINTER).astype(tensors[_LAST_LAYER].dtype)
    save_file(tensors, file, metadata)
    pin = [str(BIN / "mask2face"), "weights", "pin", _NET, str(file)]
    pin += ["--trained", "fainter, for a rolling update", "--weights", str(other)]
    subprocess.run(pin, cwd=PROJECT, check=True, capture_output=True)
    return other
