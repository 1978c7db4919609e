"""What fails or is given up in the running graph."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from loadtest.chaos.processes import processes_of
from serve_graph.flags import uses_haproxy
from tests.portrait import masked_portrait, to_jpeg
from tests.waiting import wait_for

pytestmark = pytest.mark.serve

HELD_S = 6.0  # how long a batch waits for others, so that a test can act meanwhile
METRICS_LAG_S = 3.0  # a second each for Serve and Ray, see `service`
DOOR_S = 20.0  # within which a new door has started and learnt its routes


@pytest.fixture(scope="module")
def photo():
    return to_jpeg(masked_portrait().image)


def held(seconds):
    """A user_config whose batches start that late."""
    return {"max_batch_size": 64, "batch_wait_timeout_s": seconds}


def test_a_killed_replica_costs_no_request(service, photo):
    (before,) = service.pids("Inpainter")
    with service.changed("Inpainter", user_config=held(2.0)), ThreadPoolExecutor(4) as senders:
        answers = [senders.submit(service.post, "/v1/unmask", photo) for _ in range(12)]
        # Once the first are answered, others are in the replica, waiting for their batch.
        wait_for(lambda: any(answer.done() for answer in answers), 120)
        time.sleep(1.0)
        os.kill(before, signal.SIGKILL)
        codes = {answer.result().status_code for answer in answers}

    assert codes == {200}
    assert service.pids("Inpainter") != [before]


@pytest.fixture(scope="module")
def slow_masks(service):
    with service.changed("MaskDetector", user_config=held(HELD_S)):
        wait_for(lambda: _seconds(service) > HELD_S)
        yield HELD_S


def _seconds(service):
    return service.post("/v1/mask", to_jpeg(masked_portrait().image)).elapsed.total_seconds()


def counts(service, after_s=0.0):
    time.sleep(after_s + METRICS_LAG_S)
    return {stage: service.batches(stage) for stage in ("crop", "mask", "inpaint")}


@pytest.fixture(scope="module")
def given_up(service, photo, slow_masks):
    """Two requests, one past its deadline and one whose client leaves, both waiting for a batch.

    The first one's answer, and how many batches more each stage has had.
    """
    before = counts(service)
    with ThreadPoolExecutor() as other:
        leaving = other.submit(_leave, service, photo)
        time.sleep(0.5)  # so that each is a batch of its own for the first stage
        answer = service.post("/v1/unmask", photo, headers={"X-Request-Timeout-Ms": "3000"})
        leaving.result()
    after = counts(service, slow_masks)  # by then the batch would have started
    return answer, {stage: after[stage] - before[stage] for stage in after}


def _leave(service, photo):
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(service.url + "/v1/unmask", files={"photo": photo}, timeout=3)


def test_past_its_deadline_a_request_is_answered_504(given_up):
    answer, _ = given_up

    assert answer.status_code == 504
    assert answer.headers["content-type"] == "application/problem+json"


def test_past_its_deadline_or_without_its_client_a_request_costs_no_later_stage(given_up):
    _, batches = given_up

    assert batches == {"crop": 2, "mask": 0, "inpaint": 0}


@pytest.mark.skipif(not uses_haproxy(os.environ), reason="HAProxy isn't the door")
def test_a_killed_door_comes_back_with_its_routes(service):
    doors = _doors()
    assert doors
    for pid in doors:
        os.kill(pid, signal.SIGKILL)
    statuses: list[int] = []

    def answers_after_its_reload():
        new = _doors()
        # Ray starts one without routes and, once it knows them, another in its place.
        is_reloaded = (
            new and new.keys().isdisjoint(doors) and all(" -sf " in one for one in new.values())
        )
        try:
            statuses.append(httpx.get(service.url + "/readyz", timeout=5).status_code)
        except httpx.TransportError:
            return False
        return is_reloaded

    wait_for(answers_after_its_reload, DOOR_S, poll_s=0.0)  # sees the first one's answers too

    assert set(statuses) == {200}


def _doors() -> dict[int, str]:
    """The titles of the running HAProxies, by process id."""
    # By its folder: another service in the same session has a door too.
    folder = str(Path(os.environ["RAY_SERVE_HAPROXY_CONFIG_FILE_LOC"]).parent)
    return {pid: title for pid, title in processes_of(os.getsid(0)).items() if folder in title}
