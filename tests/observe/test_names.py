"""What rules and dashboard ask for is what the service measures."""

import json
import re

import pytest
import yaml

from serve_graph import PROJECT
from serve_graph.metrics import DECLARED, REQUEST_TIME
from tests.serving import wait_for

RULES = PROJECT / "configs" / "prometheus" / "rules.yml"
ALERTS = PROJECT / "configs" / "prometheus" / "alerts.yml"
DASHBOARD = PROJECT / "configs" / "grafana" / "mask2face.json"


def rules(path):
    return [rule for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"]]


PANELS = json.loads(DASHBOARD.read_text())["panels"]
EXPRESSIONS = [
    *(rule["expr"] for path in (RULES, ALERTS) for rule in rules(path)),
    *(target["expr"] for panel in PANELS for target in panel["targets"]),
]
NAMES = {
    name for one in EXPRESSIONS for name in re.findall(r"\b(?:mask2face|ray_serve)[\w:]+", one)
}
RECORDED = {rule["record"] for rule in rules(RULES)}


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


def test_the_latency_objective_is_a_bucket():
    bounds = {float(bound) for one in EXPRESSIONS for bound in re.findall(r'le="([\d.]+)"', one)}

    assert bounds
    assert bounds <= set(REQUEST_TIME.buckets)


def test_each_alert_says_what_to_do():
    for alert in rules(ALERTS):
        assert alert["annotations"].keys() == {"summary", "do"}
        assert alert["labels"]["severity"] in {"page", "ticket"}


@pytest.mark.serve
def test_serve_exposes_what_is_asked_of_it(service):
    asked = {name for name in NAMES if name.startswith("ray_serve_")}

    def exposed():
        return set(re.findall(r"^ray_serve_\w+", service.metrics(), re.MULTILINE))

    assert asked
    wait_for(lambda: asked <= exposed())  # Serve's gauges aren't in every scrape
