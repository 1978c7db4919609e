import math
from dataclasses import replace

import pytest
import yaml

from loadtest.chaos.cases import (
    BACK,
    CASES,
    DOOR_BACK,
    HELD_ANSWERED,
    HELD_ONLY,
    KEYS,
    ONLY_BACK,
    PLACES,
    UNDISTURBED,
    UPDATED,
    load_after_s,
)
from loadtest.chaos.damage import ENOUGH, Damage
from loadtest.chaos.service import CONFIG, FUSED, config_with
from loadtest.open_loop import Plan

FINE = Damage(
    sent=100,
    answered=100,
    refused=0,
    lost=0,
    lost_before=0,
    lost_until_s=-math.inf,
    failing_until_s=-math.inf,
    longest_gap_s=1.0,
    recovered_s=0.0,
    p50_ms=90.0,
    p99_ms=200.0,
    problems=[],
)


def damage(**changes: float) -> Damage:
    return replace(FINE, **changes)


@pytest.mark.parametrize(
    ("must", "found", "expected"),
    [
        (HELD_ANSWERED, damage(), True),
        (HELD_ANSWERED, damage(lost=1), False),
        (HELD_ANSWERED, damage(refused=9), True),
        (HELD_ANSWERED, damage(refused=9, refused_in_flight=1), False),
        (UNDISTURBED, damage(), True),
        (UNDISTURBED, damage(recovered_s=1), False),
        (UNDISTURBED, damage(lost=1), False),
        (BACK, damage(recovered_s=14), True),
        (BACK, damage(recovered_s=16), False),
        (BACK, damage(lost=1), False),
        (BACK, damage(refused=1), False),
        (ONLY_BACK, damage(recovered_s=16, refused=20), True),
        (ONLY_BACK, damage(recovered_s=math.inf), False),
        (HELD_ONLY, damage(lost=2, lost_until_s=-0.1), True),
        (HELD_ONLY, damage(lost=PLACES, lost_until_s=-0.1), True),
        (HELD_ONLY, damage(lost=PLACES + 1, lost_until_s=-0.1), False),
        (HELD_ONLY, damage(lost=2, lost_until_s=0.1), False),
        (HELD_ONLY, damage(lost=2, lost_until_s=-0.1, lost_before=1), False),
        (DOOR_BACK, damage(lost=20, failing_until_s=4), True),
        (DOOR_BACK, damage(lost=20, failing_until_s=6), False),
        (DOOR_BACK, damage(lost=20, failing_until_s=4, lost_before=1), False),
        (UPDATED, damage(refused=20, failing_until_s=40), True),
        (UPDATED, damage(refused=20, failing_until_s=70), False),
        (UPDATED, damage(lost=1), False),
    ],
)
def test_a_demand_is_met_or_missed(must, found, expected):
    assert must.is_met(found) == expected


@pytest.mark.parametrize("rate_per_s", [2.0, 10.0])
def test_the_load_goes_on_until_p99_can_show_that_it_is_back(rate_per_s):
    arrivals_s = Plan(rate_per_s, load_after_s(15, rate_per_s), seed=1).arrivals_s

    assert sum(one > 15 for one in arrivals_s) >= ENOUGH


def test_each_case_has_a_key_of_its_own():
    assert len(set(KEYS)) == len(KEYS)


def test_a_replica_of_each_stage_is_killed_while_another_is_up():
    killed = {case.title.rpartition(":")[2] for case in CASES if case.processes == 2}
    deployments = yaml.safe_load(CONFIG.read_text())["applications"][0]["deployments"]

    assert killed == {one["name"] for one in deployments}


def test_the_settings_are_those_of_the_bench_but_for_replicas_and_port():
    shipped, ours = yaml.safe_load(CONFIG.read_text()), config_with(2, 8123)
    for one in ours["applications"][0]["deployments"]:
        assert one.pop("num_replicas") == 2
    for one in shipped["applications"][0]["deployments"]:
        one.pop("num_replicas")
    shipped["http_options"]["port"] = 8123

    assert ours == shipped


def test_without_a_number_the_replicas_are_those_of_the_file():
    shipped = yaml.safe_load(FUSED.read_text())
    shipped["http_options"]["port"] = 8123

    assert config_with(None, 8123, config=FUSED) == shipped
