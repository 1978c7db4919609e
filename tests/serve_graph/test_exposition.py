import asyncio
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import ray
from prometheus_client.parser import text_string_to_metric_families

from serve_graph import exposition
from serve_graph.exposition import ClusterMetrics, merge
from serve_graph.metrics import DECLARED
from serve_graph.problems import NotReadyError
from tests.http_server import running

HEAD = """# HELP ray_mask2face_faces_total Faces.
# TYPE ray_mask2face_faces_total counter
ray_mask2face_faces_total{NodeAddress="a",outcome="bare"} 2.0
# HELP ray_node_mem Memory.
# TYPE ray_node_mem gauge
ray_node_mem{NodeAddress="a"} 5.0
"""
WORKER = """# HELP ray_node_mem Memory.
# TYPE ray_node_mem gauge
ray_node_mem{NodeAddress="b"} 7.0
# HELP ray_mask2face_faces_total Faces.
# TYPE ray_mask2face_faces_total counter
ray_mask2face_faces_total{NodeAddress="b",outcome="bare"} 3.0
"""


@pytest.fixture
def families():
    text = merge([HEAD, WORKER])
    return {family.name: family for family in text_string_to_metric_families(text)}


def test_the_samples_of_all_nodes_are_together(families):
    assert [sample.value for sample in families["ray_node_mem"].samples] == [5.0, 7.0]


def test_our_names_are_without_rays_prefix(families):
    assert [sample.value for sample in families["mask2face_faces"].samples] == [2.0, 3.0]


def test_each_header_comes_once():
    assert merge([HEAD, WORKER]).count("# TYPE ray_node_mem") == 1


def test_a_counter_that_nothing_happened_to_is_zero(families):
    (sample,) = families["mask2face_rejected"].samples

    assert sample.value == 0


def test_all_of_ours_show_up_even_before_any_request():
    names = {family.name for family in text_string_to_metric_families(merge([""]))}

    assert names == {metric.name for metric in DECLARED}


class Agent(BaseHTTPRequestHandler):
    """A node's metrics agent; its answer drips until the server's `done` is set, if it has one."""

    def do_GET(self):
        done = getattr(self.server, "done", None)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(HEAD.encode())
        while done and not done.wait(0.05):
            self.wfile.write(b"# a drop\n")

    def log_message(self, *_): ...


def node_of(server):
    """The node of an agent as Ray lists it."""
    host, port = server.server_address
    return {"NodeManagerAddress": host, "MetricsExportPort": port, "Alive": True}


@pytest.fixture
def agent(monkeypatch):
    server = HTTPServer(("127.0.0.1", 0), Agent)
    with running(server):
        node = node_of(server)
        monkeypatch.setattr(ray, "nodes", lambda: [node, node | {"Alive": False}])
        yield node


@pytest.fixture
def hung_agent(monkeypatch):
    monkeypatch.setattr(exposition, "SCRAPE_TIMEOUT_S", 0.3)
    server = HTTPServer(("127.0.0.1", 0), Agent)
    server.done = threading.Event()
    with running(server):
        yield node_of(server)
        server.done.set()


def faces_in(text):
    """The sum of the faces counter."""
    families = {one.name: one for one in text_string_to_metric_families(text.decode())}
    return sum(sample.value for sample in families["mask2face_faces"].samples)


@pytest.mark.usefixtures("agent")
def test_those_who_ask_at_the_same_time_share_a_scrape(monkeypatch):
    scrapes = []

    async def scrape(_client, url):
        scrapes.append(url)
        await asyncio.sleep(0.1)
        return HEAD

    monkeypatch.setattr(exposition, "_scrape", scrape)

    async def ask():
        metrics = ClusterMetrics()
        leaving, *staying = (asyncio.create_task(metrics()) for _ in range(5))
        await asyncio.sleep(0.05)
        leaving.cancel()  # the one that began it
        texts = await asyncio.gather(*staying)
        return [*texts, await metrics()]

    assert [faces_in(text) for text in asyncio.run(ask())] == [2] * 5
    assert len(scrapes) == 2


@pytest.mark.usefixtures("agent")
def test_each_node_that_is_alive_is_asked():
    assert faces_in(asyncio.run(ClusterMetrics()())) == 2


def test_a_node_whose_answer_does_not_end_is_left_out(agent, hung_agent, monkeypatch):
    monkeypatch.setattr(ray, "nodes", lambda: [hung_agent, agent])

    assert faces_in(asyncio.run(ClusterMetrics()())) == 2


def test_without_any_nodes_answer_the_counters_do_not_look_like_zero(hung_agent, monkeypatch):
    monkeypatch.setattr(ray, "nodes", lambda: [hung_agent])

    with pytest.raises(NotReadyError, match="agents"):
        asyncio.run(ClusterMetrics()())


def test_the_nodes_last_seen_are_asked_while_ray_hangs(agent, monkeypatch):
    monkeypatch.setattr(exposition, "NODES_TIMEOUT_S", 0.2)
    hangs, release = threading.Event(), threading.Event()

    def nodes():
        if hangs.is_set():
            release.wait()
        return [agent]

    monkeypatch.setattr(ray, "nodes", nodes)

    async def scrape():
        metrics = ClusterMetrics()
        await metrics()
        hangs.set()
        return [await metrics() for _ in range(3)]

    start = time.monotonic()
    try:
        texts = asyncio.run(scrape())
    finally:
        release.set()

    assert [faces_in(text) for text in texts] == [2, 2, 2]
    assert time.monotonic() - start < 5


def test_without_any_list_of_nodes_the_counters_do_not_look_like_zero(monkeypatch):
    def nodes():
        raise ConnectionError

    monkeypatch.setattr(ray, "nodes", nodes)

    with pytest.raises(NotReadyError, match="nodes"):
        asyncio.run(ClusterMetrics()())
