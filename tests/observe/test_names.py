"""Rules and dashboard only query what the service measures."""

import json
import os
import re
import signal
import time

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from serve_graph import PROJECT
from serve_graph.api.describe import PROBLEMS
from serve_graph.metrics import DECLARED, REQUEST_TIME
from serve_graph.problems import ServiceError
from tests.waiting import wait_for

PROMETHEUS = PROJECT / "configs" / "prometheus"
RULES = PROMETHEUS / "rules.yml"
ALERTS = PROMETHEUS / "alerts.yml"
DASHBOARD = PROJECT / "configs" / "grafana" / "mask2face.json"
GUIDE = PROJECT / "docs" / "observability.md"
METRICS_LAG_S = 6.0  # a check every 2 s, then a second each for Serve and Ray, twice over


def rules(path):
    return [rule for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"]]


PANELS = json.loads(DASHBOARD.read_text())["panels"]
EXPRESSIONS = [
    *(rule["expr"] for path in (RULES, ALERTS) for rule in rules(path)),
    *(target["expr"] for panel in PANELS for target in panel["targets"]),
]
NAMES = {name for one in EXPRESSIONS for name in re.findall(r"\b(?:mask2face|ray_)[\w:]+", one)}
RECORDED = {rule["record"] for rule in rules(RULES)}
OF_NODES = {name for name in NAMES if name.startswith(("ray_node_", "ray_component_"))}
OF_GPUS = {name for name in OF_NODES if name.startswith(("ray_node_gpu", "ray_node_gram"))}


def exposed_names():
    for metric in DECLARED:
        if metric.kind == "counter":
            yield metric.exposed_name
        else:
            yield from (f"{metric.name}_{part}" for part in ("bucket", "sum", "count"))


def test_each_of_our_metrics_that_is_asked_for_exists():
    asked = {name for name in NAMES if name.startswith("mask2face_")}

    assert asked
    assert asked <= set(exposed_names())


def test_each_metric_of_ours_is_looked_at():
    for metric in DECLARED:
        assert any(name.startswith(metric.name) for name in NAMES), metric.name


def test_each_recorded_series_that_is_asked_for_exists():
    asked = {name for name in NAMES if ":" in name}

    assert asked
    assert asked <= RECORDED


@pytest.mark.parametrize("config", ["prometheus.yml", "cluster.yml"])
def test_what_is_asked_of_nodes_is_kept_and_nothing_else_of_theirs(config):
    from ray.dashboard.modules.reporter.reporter_agent import METRICS_GAUGES

    of_ray = {f"ray_{name}" for name in METRICS_GAUGES}
    (job,) = yaml.safe_load((PROMETHEUS / config).read_text())["scrape_configs"]
    (kept,) = (one["regex"] for one in job["metric_relabel_configs"] if one.get("action") == "keep")

    assert OF_GPUS
    assert all(re.fullmatch(kept, name) for name in NAMES if name.startswith("ray_"))
    assert {name for name in of_ray if re.fullmatch(kept, name)} == OF_NODES


def test_the_latency_objective_is_a_bucket_as_it_is_exposed():
    bounds = {bound for one in EXPRESSIONS for bound in re.findall(r'le="([^"]+)"', one)}

    assert bounds
    assert bounds <= {str(float(bound)) for bound in REQUEST_TIME.buckets}


def test_the_panel_of_rejections_names_the_services_own():
    (panel,) = (one for one in PANELS if one["title"] == "Rejections by reason")
    named, _ = panel["description"].split(" are the service's")

    assert {*re.findall(r"[a-z-]+", named)} - {"and"} == {
        one.slug for one in PROBLEMS if issubclass(one, ServiceError)
    }


def test_each_alert_says_what_to_do():
    for alert in rules(ALERTS):
        assert alert["annotations"].keys() == {"summary", "do"}
        severities = {"none"} if alert["alert"] == "Mask2FaceWatchdog" else {"page", "ticket"}
        assert alert["labels"]["severity"] in severities


def test_the_guide_tells_each_alert_its_severity_and_a_first_step():
    row = r"^\| (Mask2Face\w+) \| (\w+) \| [^|]+ \| [^|]+ \|$"

    assert re.findall(row, GUIDE.read_text(), re.MULTILINE) == [
        (alert["alert"], alert["labels"]["severity"]) for alert in rules(ALERTS)
    ]


@pytest.fixture(scope="module")
def _a_replica_died(service):
    """Ray only exposes a counter after its first event; the 404 is one of HAProxy's errors."""
    httpx.get(f"{service.url}/nowhere")
    (before,) = service.pids("FaceSwapper")
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: service.pids("FaceSwapper") not in ([], [before]))


@pytest.mark.serve
@pytest.mark.usefixtures("_a_replica_died")
def test_serve_and_nodes_expose_what_is_asked_of_them(service):
    asked = {name for name in NAMES if name.startswith("ray_serve_")} | OF_NODES - OF_GPUS
    seen: set[str] = set()

    def has_seen_all():
        seen.update(re.findall(r"(?m)^ray_(?:serve|node|component)_\w+", service.metrics()))
        return asked <= seen

    assert asked
    wait_for(has_seen_all)  # Serve's gauges aren't in every scrape


def died(service, deployment):
    """The replicas of a deployment that `replicas:died15m` counts."""
    return {
        sample.labels["replica"]
        for family in text_string_to_metric_families(service.metrics())
        for sample in family.samples
        if sample.name == "ray_serve_health_check_failures_total"
        and sample.labels["application"] == "split"
        and sample.labels["deployment"] == deployment
    }


@pytest.mark.serve
@pytest.mark.usefixtures("_a_replica_died")
def test_a_replica_that_dies_is_counted(service):
    wait_for(lambda: died(service, "FaceSwapper"))


@pytest.mark.serve
def test_a_replica_that_is_ended_did_not_die(service):
    before = died(service, "FaceCropper")
    with service.changed("FaceCropper", num_replicas=2):
        wait_for(lambda: len(service.pids("FaceCropper")) == 2)
    wait_for(lambda: len(service.pids("FaceCropper")) == 1)
    time.sleep(METRICS_LAG_S)

    assert died(service, "FaceCropper") == before
