"""Prometheus's configuration, its rules and their own tests, checked by promtool."""

import shutil

import pytest

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
