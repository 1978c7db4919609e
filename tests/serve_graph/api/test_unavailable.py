"""Deployments that can't take a call."""

import pytest
from ray.serve._private.common import DeploymentID
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError

from serve_graph.stages import RemoteStages
from tests.serve_graph.test_stages import FakeHandle

ERRORS = [BackPressureError(9, 8), DeploymentUnavailableError(DeploymentID("FaceCropper", "app"))]


@pytest.fixture(params=ERRORS, ids=lambda error: type(error).__name__)
def stages(request):
    handle = FakeHandle(request.param)
    return RemoteStages(handle, handle, handle, handle)


async def test_a_deployment_that_takes_no_calls_makes_503(make_client, photo):
    client = make_client(retry_after_s=7)
    answer = await client.post("/v1/faces", files={"photo": photo})

    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/busy")
    assert answer.headers["retry-after"] == "7"
