"""`/metrics`: the text of all nodes' metrics agents, merged into one."""

import asyncio
import re
from collections.abc import Iterable

import httpx
import ray

from serve_graph.metrics import DECLARED, MetricSpec
from serve_graph.probe import Probe
from serve_graph.problems import NotReadyError

NODES_TIMEOUT_S = 2.0
SCRAPE_TIMEOUT_S = 5.0
_OURS = re.compile(r"^(# (?:HELP|TYPE) )?ray_(?=mask2face_)", re.MULTILINE)
_HEADER = re.compile(r"^# (?:HELP|TYPE) (\S+)")


class ClusterMetrics:
    """Gathers what every node of the cluster exports."""

    def __init__(self) -> None:
        self._nodes = Probe("List of the nodes", ray.nodes, NODES_TIMEOUT_S)
        self._gathering: asyncio.Task[bytes] | None = None

    async def __call__(self) -> bytes:
        """Prometheus' text format; includes Serve's and Ray's own metrics.

        A node that doesn't answer is left out as long as another one does. Those who ask meanwhile
        get the same text: one scrape at a time leaves the threads to the photos.

        Raises:
            NotReadyError: Ray hasn't listed its nodes yet, or none of them answers.
        """
        if self._gathering is None or self._gathering.done():
            self._gathering = asyncio.create_task(self._gather())
        return await asyncio.shield(self._gathering)  # the others still want it

    async def _gather(self) -> bytes:
        nodes = await self._nodes.latest()
        if nodes is None:
            raise NotReadyError({"nodes": False})
        urls = [
            f"http://{node['NodeManagerAddress']}:{node['MetricsExportPort']}/metrics"
            for node in nodes
            if node["Alive"]
        ]
        # `verify`: loading certificates, useless for plain HTTP, takes 40 ms each time.
        async with httpx.AsyncClient(timeout=None, trust_env=False, verify=False) as client:
            answers = await asyncio.gather(*(_scrape(client, url) for url in urls))
        texts = [text for text in answers if text is not None]
        if not texts:
            raise NotReadyError({"agents": False})
        return (await asyncio.to_thread(merge, texts)).encode()


async def _scrape(client: httpx.AsyncClient, url: str) -> str | None:
    """What a node exports; None if it doesn't answer."""
    try:
        async with asyncio.timeout(SCRAPE_TIMEOUT_S):  # httpx's own timeouts are per read
            return (await client.get(url)).raise_for_status().text
    except (httpx.HTTPError, TimeoutError):
        return None


def merge(texts: Iterable[str], declared: Iterable[MetricSpec] = DECLARED) -> str:
    """Groups the samples of each metric under one header, as the format requires.

    Args:
        texts: what the nodes export; each sample's labels name its node.
        declared: our metrics; a counter that hasn't counted anything yet is exported as 0.
    """
    families: dict[str, tuple[dict[str, None], list[str]]] = {}
    for text in texts:
        name = ""
        for line in _OURS.sub(r"\1", text).splitlines():
            header = _HEADER.match(line)
            if header:
                name = header[1]
            headers, samples = families.setdefault(name, ({}, []))
            if header:
                headers[line] = None
            elif line and not line.startswith("#"):
                samples.append(line)
    for metric in declared:
        if metric.exposed_name not in families:
            families[metric.exposed_name] = _empty(metric)
    lines = [line for parts in families.values() for part in parts for line in part]
    return "\n".join(lines) + "\n"


def _empty(metric: MetricSpec) -> tuple[dict[str, None], list[str]]:
    name = metric.exposed_name
    headers = {f"# HELP {name} {metric.help}": None, f"# TYPE {name} {metric.kind}": None}
    return headers, [f"{name} 0"] if metric.kind == "counter" else []
