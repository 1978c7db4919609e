"""Settings in the YAML that change without a restart."""

import pytest

from tests.portrait import crowd, to_jpeg
from tests.waiting import wait_for

pytestmark = pytest.mark.serve


def test_batch_size_and_wait_change_in_the_running_replica(service):
    pids = service.pids("MaskDetector")
    photo = to_jpeg(crowd())  # four faces, sent to the stage at the same time

    def batches_of_four():
        bounds = {"stage": "mask", "application": "split"}
        name = "mask2face_batch_size_bucket"
        return service.count(name, le="4.5", **bounds) - service.count(name, le="3.5", **bounds)

    before = batches_of_four()
    with service.changed(
        "MaskDetector", user_config={"max_batch_size": 4, "batch_wait_timeout_s": 2.0}
    ):
        service.post("/v1/mask", photo).raise_for_status()
        wait_for(lambda: batches_of_four() > before)

    assert service.pids("MaskDetector") == pids
