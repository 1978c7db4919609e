"""What a replica measures, recorded by fakes of Ray's metrics."""

import pytest

from serve_graph import metrics


class FakeMetrics:
    """Stands in for `ray.serve.metrics`: keeps what each metric receives."""

    def __init__(self):
        self.told = []

    def Counter(self, name, _description, labels):  # noqa: N802
        return FakeMetric(self.told, name, labels)

    def Histogram(self, name, _description, _boundaries, labels):  # noqa: N802
        return FakeMetric(self.told, name, labels)


class FakeMetric:
    def __init__(self, told, name, labels):
        self._told, self._name, self._labels = told, name, labels

    def inc(self, value=1.0, tags=None):
        self.observe(value, tags)

    def observe(self, value, tags=None):
        assert set(tags) == set(self._labels)
        self._told.append((self._name, value, *tags.values()))


@pytest.fixture
def told(monkeypatch):
    fake = FakeMetrics()
    monkeypatch.setattr(metrics, "metrics", fake)
    return fake.told


@pytest.mark.parametrize(
    ("happened", "arguments", "expected"),
    [
        (
            "request",
            ("/v1/mask", 413, 0.5, True),
            [
                ("mask2face_requests", 1, "/v1/mask", "413"),
                ("mask2face_request_seconds", 0.5, "/v1/mask"),
            ],
        ),
        ("request", ("/v1/mask", 503, 0.01, True), [("mask2face_requests", 1, "/v1/mask", "503")]),
        ("request", ("/v1/mask", 499, 3.0, False), [("mask2face_requests", 1, "/v1/mask", "499")]),
        (
            "request",
            ("/v1/mask", 499, 3.1, False),
            [
                ("mask2face_requests", 1, "/v1/mask", "499"),
                ("mask2face_request_seconds", 3.1, "/v1/mask"),
            ],
        ),
        (
            "stage",
            ("crop", 3.0, 0.2),
            [
                ("mask2face_stage_seconds", 3.0, "crop", "queue"),
                ("mask2face_stage_seconds", 0.2, "crop", "compute"),
            ],
        ),
        ("place", (0.3,), [("mask2face_stage_seconds", 0.3, "place", "queue")]),
        ("batch", ("mask", 4), [("mask2face_batch_size", 4, "mask")]),
        ("faces", ("unmasked", 2), [("mask2face_faces", 2, "unmasked")]),
        ("faces", ("unmasked", 0), []),
        ("rejected", ("busy",), [("mask2face_rejected", 1, "busy")]),
    ],
)
def test_what_happened_is_told_to_ray_under_its_labels(told, happened, arguments, expected):
    getattr(metrics.Recorder(), happened)(*arguments)

    assert told == expected
