import asyncio
import threading
from collections import Counter

import pytest
from ray.serve._private.common import DeploymentStatus, ReplicaState

from serve_graph import readiness
from serve_graph.readiness import Readiness

DEPLOYMENTS = {"crop": "FaceCropper", "mask": "MaskDetector"}


class FakeController:
    def __init__(self):
        self.states = {"FaceCropper": {"RUNNING": 1}, "MaskDetector": {"RUNNING": 2}}
        self.scaling = {}  # by name: target, least replicas and status of what is autoscaled
        self.asked = 0

    def get_serve_details(self):
        self.asked += 1
        if self.states is None:
            raise ConnectionError
        deployments = {name: self.details(name) for name in self.states}
        return {"applications": {"app": {"deployments": deployments}}}

    def details(self, name):
        states = Counter(self.states[name]).elements()
        target, least, status = self.scaling.get(name, (1, None, "HEALTHY"))
        scaling = {} if least is None else {"autoscaling_config": {"min_replicas": least}}
        return {
            "replicas": [{"state": ReplicaState(state)} for state in states],
            "target_num_replicas": target,
            "deployment_config": scaling,
            "status": DeploymentStatus(status),
        }


@pytest.fixture
def controller(monkeypatch):
    fake = FakeController()
    monkeypatch.setattr(readiness, "_get_global_client", lambda: fake)
    return fake


def ask(*between, times=1):
    """The last answer of one `Readiness`; `between` is called after the first."""

    async def all_of_it():
        ready = Readiness("app", DEPLOYMENTS)
        answer = await ready()
        for happening in between:
            happening()
        for _ in range(times):
            answer = await ready()
        return answer

    return asyncio.run(all_of_it())


def test_a_stage_with_a_running_replica_is_ready(controller):
    controller.states["MaskDetector"] = {"STARTING": 1}

    assert ask() == {"crop": True, "mask": False}


def test_a_replica_whose_node_drains_still_counts(controller):
    controller.states["MaskDetector"] = {"PENDING_MIGRATION": 1}

    assert ask() == {"crop": True, "mask": True}


def test_stages_stay_ready_while_a_new_controller_looks_for_their_replicas(controller):
    controller.states["MaskDetector"] = {"RECOVERING": 2}

    assert ask() == {"crop": True, "mask": True}


@pytest.mark.parametrize(
    ("target", "least", "status", "is_ready"),
    [
        (0, 0, "HEALTHY", True),  # idle: its first call wakes it
        (1, 0, "UPSCALING", True),  # it wakes, and calls wait for it
        (1, 0, "UNHEALTHY", False),  # it doesn't wake
        (1, 1, "UPSCALING", False),
        (1, None, "HEALTHY", False),
    ],
)
def test_a_stage_without_replicas_is_ready_if_it_may_have_none(
    controller, target, least, status, is_ready
):
    controller.states["MaskDetector"] = {"STARTING": target}
    controller.scaling["MaskDetector"] = (target, least, status)

    assert ask() == {"crop": True, "mask": is_ready}


def test_the_controller_is_not_asked_by_each_probe(controller):
    ask(times=5)

    assert controller.asked == 1


def test_stages_stay_ready_while_the_controller_is_away(controller, monkeypatch):
    monkeypatch.setattr(readiness, "STATUS_AGE_S", 0.0)

    def vanish():
        controller.states = None

    assert ask(vanish) == {"crop": True, "mask": True}
    assert controller.asked == 2


def test_stages_stay_ready_while_an_update_is_built(controller, monkeypatch, caplog):
    """The controller then lists no deployments, nor if the build has failed."""
    monkeypatch.setattr(readiness, "STATUS_AGE_S", 0.0)

    def build():
        controller.states = {}

    assert ask(build, times=2) == {"crop": True, "mask": True}
    assert not caplog.records


@pytest.mark.usefixtures("controller")
def test_stages_stay_ready_while_the_controller_hangs(monkeypatch):
    monkeypatch.setattr(readiness, "STATUS_AGE_S", 0.0)
    monkeypatch.setattr(readiness, "STATUS_TIMEOUT_S", 0.05)
    release = threading.Event()

    def hang():
        monkeypatch.setattr(readiness, "_get_global_client", release.wait)

    try:
        assert ask(hang, times=3) == {"crop": True, "mask": True}
    finally:
        release.set()


def test_nothing_is_ready_before_the_controller_has_answered(controller):
    controller.states = None

    assert ask() == {"crop": False, "mask": False}
