"""Prometheus's configuration, its rules and their own tests, checked by promtool."""

import pytest

from serve_graph import PROJECT

CONFIGS = PROJECT / "configs" / "prometheus"


@pytest.mark.parametrize("name", ["prometheus.yml", "cluster.yml"])
def test_the_configuration_is_in_order(promtool, name):
    promtool("check", "config", CONFIGS / name)


@pytest.mark.parametrize("name", sorted(path.name for path in CONFIGS.glob("*.test.yml")))
def test_alerts_come_when_they_should_and_only_then(promtool, name):
    promtool("test", "rules", CONFIGS / name)
