"""Beyond the bounds of a stage's queue."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.portrait import masked_portrait, to_jpeg
from tests.waiting import wait_for

pytestmark = pytest.mark.serve


@pytest.fixture(scope="module")
def answers(service):
    photo = to_jpeg(masked_portrait().image)
    narrow = {
        "max_ongoing_requests": 1,
        "max_queued_requests": 1,
        "user_config": {"max_batch_size": 2, "batch_wait_timeout_s": 2.0},
    }
    with service.changed("MaskDetector", **narrow), ThreadPoolExecutor(8) as senders:
        # A replica refuses requests for a moment while it takes in new settings.
        wait_for(lambda: service.post("/v1/mask", photo).status_code == 200)
        return list(senders.map(lambda _: service.post("/v1/mask", photo), range(8)))


def test_some_requests_are_answered_and_the_rest_refused(answers):
    assert {answer.status_code for answer in answers} == {200, 503}


def test_a_refusal_says_when_to_come_again(answers):
    refused = [answer for answer in answers if answer.status_code == 503]

    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
    assert all(answer.json()["type"] == "/problems/busy" for answer in refused)
