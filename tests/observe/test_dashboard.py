"""Each query of the dashboard, run against a Prometheus with our configuration."""

import json

import httpx
import pytest

from serve_graph import PROJECT
from tests.observe.conftest import exposing, prometheus_on, write_nodes

DASHBOARD = json.loads((PROJECT / "configs" / "grafana" / "mask2face.json").read_text())
QUERIES = {
    f"{panel['title']} {target['refId']}": target["expr"]
    for panel in DASHBOARD["panels"]
    for target in panel["targets"]
}


SHARES = {
    f"{panel['title']} {target['refId']}"
    for panel in DASHBOARD["panels"]
    for target in panel["targets"]
    if panel["fieldConfig"]["defaults"]["unit"] == "percentunit"
}


@pytest.mark.parametrize("query", QUERIES)
def test_a_panel_has_data(prometheus, query):
    # Grafana fills in these variables.
    expression = QUERIES[query].replace("$__rate_interval", "1m")
    expression = expression.replace("$application", "mask2face")
    assert "$" not in expression

    assert all(float(one["value"][1]) >= 0 for one in prometheus.wait_for(expression))


@pytest.mark.parametrize("query", sorted(SHARES))
def test_a_node_or_gpu_that_is_half_busy_and_half_full_shows_so(prometheus, query):
    assert [float(one["value"][1]) for one in prometheus.wait_for(QUERIES[query])] == [0.5]


def test_memory_is_told_by_process(prometheus):
    found = prometheus.wait_for(QUERIES["Memory by process A"])

    assert {one["metric"]["component"]: float(one["value"][1]) for one in found} == {
        "raylet": 4e7,
        "ray::HAProxyManager": 9e7,
    }


def test_the_application_of_the_dashboard_can_be_chosen(prometheus):
    found = prometheus.query("group by (application) (mask2face_requests_total)")

    assert [one["metric"]["application"] for one in found] == ["mask2face"]


def test_each_rule_can_be_evaluated(prometheus):
    prometheus.wait_for("mask2face:burn5m")

    groups = httpx.get(f"{prometheus.url}/api/v1/rules", timeout=60).json()["data"]["groups"]
    health = {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}
    assert "Mask2FaceRejects" in health
    assert set(health.values()) == {"ok"}, health


def test_in_a_cluster_the_agents_metrics_get_the_services_names(tmp_path):
    with (
        exposing(prefix="ray_") as target,
        prometheus_on("cluster.yml", target, tmp_path) as server,
    ):
        (up,) = server.wait_for('up{job="mask2face"} == 1')
        found = server.wait_for('mask2face_requests_total{job="mask2face"}')
        (gpu,) = server.wait_for("ray_node_gpus_utilization")
        assert server.wait_for('ray_component_rss_bytes{component="raylet"}')

    assert up["metric"]["instance"] == target
    assert len(found) == 2
    assert gpu["metric"]["ip"] == "10.0.0.1"


def test_in_a_cluster_the_list_of_nodes_is_read_anew_and_only_nodes_are_taken(tmp_path):
    from ray.autoscaler._private.constants import AUTOSCALER_METRIC_PORT
    from ray.dashboard.consts import DASHBOARD_METRIC_PORT

    no_nodes = [f"127.0.0.1:{port}" for port in (AUTOSCALER_METRIC_PORT, DASHBOARD_METRIC_PORT)]
    with (
        exposing(prefix="ray_") as gone,
        exposing(prefix="ray_") as new,
        prometheus_on("cluster.yml", gone, tmp_path) as server,
    ):
        server.wait_for("up == 1")
        write_nodes(tmp_path, new, *no_nodes)
        server.wait_for(f'up{{instance="{new}"}} == 1')
        server.wait_for(f'absent(up{{instance="{gone}"}})')
        found = server.query("up")

    assert {one["metric"]["instance"] for one in found} == {new}
