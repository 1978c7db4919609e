"""A Prometheus with our configuration, and what it scrapes: our metrics with rising values."""

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
import yaml

from serve_graph import PROJECT
from serve_graph.flags import free_port
from serve_graph.metrics import DECLARED
from tests.http_server import running
from tests.waiting import wait_for

CONFIGS = PROJECT / "configs" / "prometheus"
START_TIMEOUT_S = 120.0
VALUES = {
    "route": ("/v1/unmask",),
    "code": ("200", "503"),
    "stage": ("place", "crop", "mask", "inpaint"),
    "part": ("queue", "compute"),
    "outcome": ("unmasked", "bare"),
    "reason": ("busy",),
}
SERVES = """\
ray_serve_deployment_replica_healthy{%s} 1.0
ray_serve_autoscaling_target_replicas{%s} 1.0
ray_serve_deployment_replica_starts_total{%s} 1.0
ray_serve_deployment_queued_queries{%s} 2.0
"""
NODES = """\
ray_node_cpu_utilization{ip="10.0.0.1"} 50.0
ray_node_mem_used{ip="10.0.0.1"} 4e9
ray_node_mem_total{ip="10.0.0.1"} 8e9
ray_node_disk_usage{ip="10.0.0.1"} 4e9
ray_node_disk_free{ip="10.0.0.1"} 4e9
ray_component_rss_bytes{ip="10.0.0.1",Component="raylet",pid="7"} 4e7
ray_component_rss_bytes{ip="10.0.0.1",Component="ray::HAProxyManager",pid=""} 9e7
ray_node_gpus_utilization{ip="10.0.0.1",GpuIndex="0"} 50.0
ray_node_gram_used{ip="10.0.0.1",GpuIndex="0"} 1000
ray_node_gram_available{ip="10.0.0.1",GpuIndex="0"} 1000
"""


def write_metrics(seconds: float) -> str:
    """What a service exposes after counting for this long."""
    lines = []
    for metric in DECLARED:
        for labels in _combinations(metric.labels):
            lines += _samples(metric, labels, 10 * seconds)
    own = _text({"application": "mask2face", "deployment": "Ingress", "replica": "one"})
    return "\n".join(lines) + "\n" + SERVES.replace("%s", own) + NODES


def _combinations(names: tuple[str, ...]) -> list[dict[str, str]]:
    found: list[dict[str, str]] = [
        {"application": "mask2face", "deployment": "Ingress", "replica": "one"}
    ]
    for name in names:
        found = [one | {name: value} for one in found for value in VALUES[name]]
    return found


def _samples(metric, labels: dict[str, str], count: float) -> list[str]:
    if metric.kind == "counter":
        return [f"{metric.exposed_name}{{{_text(labels)}}} {count}"]
    middle = metric.buckets[len(metric.buckets) // 2]
    counted = {str(float(bound)): count * (bound >= middle) for bound in metric.buckets}
    counted["+Inf"] = count
    return [
        *(
            f"{metric.name}_bucket{{{_text(labels | {'le': bound})}}} {value}"
            for bound, value in counted.items()
        ),
        f"{metric.name}_sum{{{_text(labels)}}} {count * middle}",
        f"{metric.name}_count{{{_text(labels)}}} {count}",
    ]


def _text(labels: dict[str, str]) -> str:
    return ",".join(f'{name}="{value}"' for name, value in labels.items())


@contextmanager
def exposing(prefix: str = "") -> Iterator[str]:
    """Serves /metrics with our metrics; a node's agent puts a prefix before the names."""
    start = time.monotonic()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            text = write_metrics(time.monotonic() - start).replace("\nmask2", f"\n{prefix}mask2")
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_): ...

    with running(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as url:
        yield url.removeprefix("http://")


@dataclass
class Prometheus:
    """A running Prometheus."""

    url: str

    def query(self, expression: str) -> list[dict]:
        """The series of an instant query; fails the test if Prometheus refuses it."""
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": expression}, timeout=60)
        assert answer.status_code == 200, f"{expression}: {answer.text}"
        return answer.json()["data"]["result"]

    def wait_for(self, expression: str) -> list[dict]:
        """The series of a query, as soon as there are any."""
        return wait_for(lambda: self.query(expression), START_TIMEOUT_S)


def write_nodes(folder: Path, *targets: str) -> None:
    """Writes the list of nodes as Ray does: replaced in the session's folder, with a link to it."""
    session = folder / "session"
    session.mkdir(exist_ok=True)
    new, link = session / "new", folder / "nodes.json"
    new.write_text(json.dumps([{"labels": {"job": "ray"}, "targets": targets}]))
    new.replace(session / "nodes.json")
    if not link.is_symlink():
        link.symlink_to(session / "nodes.json")


@contextmanager
def prometheus_on(name: str, target: str, folder: Path) -> Iterator[Prometheus]:
    """Runs a shipped configuration that scrapes another target; what takes 15 s takes 1."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("prometheus isn't installed: apt-get install prometheus")
    config = yaml.safe_load((CONFIGS / name).read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(CONFIGS / rules) for rules in config["rule_files"]]
    (job,) = config["scrape_configs"]
    job["scrape_timeout"] = "1s"
    if "static_configs" in job:
        job["static_configs"] = [{"targets": [target]}]
    else:
        write_nodes(folder, target)
        (nodes,) = job["file_sd_configs"]
        nodes["files"] = [str(folder / "nodes.json")]
        if nodes.get("refresh_interval") == "15s":  # 5 min if there is none
            nodes["refresh_interval"] = "1s"
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    address = f"127.0.0.1:{free_port()}"
    process = subprocess.Popen(
        [
            program,
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={address}",
        ],
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until_ready(f"http://{address}", process)
        yield Prometheus(f"http://{address}")
    finally:
        process.terminate()
        process.wait(timeout=60)


def _wait_until_ready(url: str, process: "subprocess.Popen[bytes]") -> None:
    def is_ready() -> bool:
        assert process.poll() is None, "prometheus didn't start"
        with suppress(httpx.HTTPError):
            return httpx.get(f"{url}/-/ready", timeout=5).status_code == 200
        return False

    wait_for(is_ready, START_TIMEOUT_S, poll_s=0.2)


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory) -> Iterator[Prometheus]:
    """The shipped configuration for one machine, after two scrapes of a service."""
    folder = tmp_path_factory.mktemp("prometheus")
    with exposing() as target, prometheus_on("prometheus.yml", target, folder) as server:
        server.wait_for("rate(mask2face_requests_total[1m])")
        yield server


@pytest.fixture(scope="session")
def promtool() -> Callable[..., None]:
    """Runs promtool, which must succeed."""
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("promtool isn't installed: apt-get install prometheus")

    def run(*arguments: str | Path) -> None:
        done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    return run
