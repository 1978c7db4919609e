"""The batches in configs/gpu.yaml match the stages' rates on a GPU (loadtest/RESULTS.md)."""

import re

import pytest

from serve_graph import PROJECT
from serve_graph.checks import BATCHED
from serve_graph.config_file import read_config

LARGEST = 16  # batches beyond this take long, whatever their rate
NEARLY = 0.95  # of the best rate; a smaller difference is noise between two measurements


@pytest.fixture(scope="module")
def deployments():
    (app,) = read_config(PROJECT / "configs" / "gpu.yaml")["applications"]
    return {one["name"]: one for one in app["deployments"] if one["name"] in BATCHED}


@pytest.fixture(scope="module")
def rates():
    """For each deployment: batch size -> faces/s, with graphs."""
    section = (PROJECT / "loadtest" / "RESULTS.md").read_text().split("\n## GPU\n")[1]
    table = re.search(r"^\| batch (\| [A-Z]\w+ )+\|\n(\|.*\n)+", section, re.MULTILINE)[0]
    head, _, *rows = [line.strip("|").split("|") for line in table.splitlines()]
    found = {name.strip(): {} for name in head[1:]}
    for size, *cells in rows:
        for name, cell in zip(found, cells, strict=True):
            found[name][int(size)] = float(cell.split("/")[1].replace(",", ""))
    return found


def test_the_table_has_each_deployment_with_batches(deployments, rates):
    assert set(deployments) == set(rates) == set(BATCHED)


@pytest.mark.parametrize("name", BATCHED)
def test_a_batch_has_the_size_at_which_its_stage_did_the_most(deployments, rates, name):
    best = max(rate for size, rate in rates[name].items() if size <= LARGEST)
    size = deployments[name]["user_config"]["max_batch_size"]

    assert size <= LARGEST
    assert rates[name][size] >= NEARLY * best


@pytest.mark.parametrize("name", BATCHED)
def test_a_batch_waits_no_longer_than_one_picture_takes(deployments, rates, name):
    assert deployments[name]["user_config"]["batch_wait_timeout_s"] <= 1 / rates[name][1]


@pytest.mark.parametrize("name", BATCHED)
def test_the_next_batch_gathers_while_one_runs(deployments, name):
    one = deployments[name]

    assert one["max_ongoing_requests"] >= 2 * one["user_config"]["max_batch_size"]


def test_all_replicas_that_the_load_can_ask_for_fit_on_one_card(deployments):
    """Otherwise Serve wants some that can't start, which Mask2FaceReplicasMissing reports."""
    shares = [
        one["autoscaling_config"]["max_replicas"] * one["ray_actor_options"]["num_gpus"]
        for one in deployments.values()
    ]

    assert sum(shares) <= 1
