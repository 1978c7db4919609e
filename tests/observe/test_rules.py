"""Prometheus's configuration, its rules and their own tests, checked by promtool."""

import re
import shutil

import pytest
import yaml

from serve_graph import PROJECT

CONFIGS = PROJECT / "configs" / "prometheus"


@pytest.mark.parametrize("name", ["prometheus.yml", "cluster.yml"])
def test_the_configuration_is_in_order(promtool, name, tmp_path):
    shutil.copytree(CONFIGS, tmp_path, dirs_exist_ok=True)
    path = tmp_path / name
    # promtool would read the list of nodes that a Ray of this machine has left there.
    path.write_text(path.read_text().replace("/tmp/ray/", f"{tmp_path}/"))

    promtool("check", "config", path)


@pytest.mark.parametrize("name", sorted(path.name for path in CONFIGS.glob("*.test.yml")))
def test_alerts_come_when_they_should_and_only_then(promtool, name):
    promtool("test", "rules", CONFIGS / name)


def test_what_reads_days_of_samples_is_evaluated_rarely_but_never_stale():
    groups = yaml.safe_load((CONFIGS / "rules.yml").read_text())["groups"]
    long = [one for one in groups if any(re.search(r"\[\dd\]", r["expr"]) for r in one["rules"])]

    # Not every 15 s; and after 5 min Prometheus would take the last value for gone.
    assert [group.get("interval") for group in long] == ["2m"]
