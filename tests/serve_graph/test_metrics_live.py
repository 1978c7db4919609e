"""`/metrics` of the running service, after one request."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.portrait import masked_portrait, to_jpeg
from tests.waiting import wait_for

pytestmark = pytest.mark.serve


@pytest.fixture(scope="module")
def _one_request(service):
    before = service.count("mask2face_requests_total", route="/v1/unmask", code="200")
    service.post("/v1/unmask", to_jpeg(masked_portrait().image)).raise_for_status()
    wait_for(
        lambda: service.count("mask2face_requests_total", route="/v1/unmask", code="200") > before
    )


@pytest.fixture(scope="module")
def families(service, _one_request):
    return {family.name: family for family in text_string_to_metric_families(service.metrics())}


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("mask2face_requests", {"route": "/v1/unmask", "code": "200"}),
        ("mask2face_request_seconds", {"route": "/v1/unmask"}),
        ("mask2face_stage_seconds", {"stage": "crop", "part": "queue"}),
        ("mask2face_stage_seconds", {"stage": "mask", "part": "compute"}),
        ("mask2face_stage_seconds", {"stage": "inpaint", "part": "compute"}),
        ("mask2face_stage_seconds", {"stage": "place", "part": "queue"}),
        ("mask2face_batch_size", {"stage": "inpaint"}),
        ("mask2face_faces", {"outcome": "unmasked"}),
    ],
)
def test_a_request_is_counted(families, name, labels):
    values = [
        sample.value
        for sample in families[name].samples
        if labels.items() <= sample.labels.items() and not sample.name.endswith("_bucket")
    ]

    assert values
    assert min(values) > 0


def test_what_has_not_happened_is_there_too(families):
    assert families["mask2face_rejected"].samples


def test_serves_own_metrics_are_beside_ours(families):
    assert families["ray_serve_deployment_request_counter"].samples


def test_each_family_comes_once(service):
    names = [line for line in service.metrics().splitlines() if line.startswith("# TYPE")]

    assert len(names) == len(set(names))
