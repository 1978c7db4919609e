"""The log line of each request."""

import json
import logging

import httpx
import numpy as np
import pytest
from ray._common.formatters import JSONFormatter

from serve_graph.logs import RequestRecord, log, log_request
from tests.portrait import masked_portrait, to_jpeg
from tests.waiting import wait_for

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
LINE = {
    "request_id": "shop-42",
    "trace_id": TRACE,
    "method": "POST",
    "route": "/v1/unmask",
    "status": 200,
    "faces": 1,
    "ms": {"crop": 12.5, "total": 40.0},
    "version": "0.2.0",
    "model_version": "test-7",
}


@pytest.fixture
def lines():
    """What a replica's log would contain, as its formatter writes it."""
    written = []

    class Keeper(logging.Handler):
        def emit(self, record):
            written.append(json.loads(self.format(record)))

    keeper = Keeper()
    keeper.setFormatter(JSONFormatter())
    level = log.level
    log.setLevel(logging.INFO)
    log.addHandler(keeper)
    yield written
    log.removeHandler(keeper)
    log.setLevel(level)


def test_a_line_has_all_that_is_known(lines):
    log_request(RequestRecord(**LINE))

    (line,) = lines
    assert line["message"] == "POST /v1/unmask 200"
    assert LINE.items() <= line.items()


def test_what_is_not_known_is_left_out(lines):
    log_request(RequestRecord(**LINE | {"trace_id": None, "faces": None}))

    assert not {"trace_id", "faces"} & set(lines[0])


@pytest.mark.serve
@pytest.mark.parametrize("path", ["/v1/unmask", "/fused/v1/unmask"])
def test_the_running_service_writes_one_line_a_request(service, path):
    photo = to_jpeg(masked_portrait().image)
    headers = {"X-Request-ID": f"log{path.replace('/', '-')}"}
    files = {"photo": ("anna-at-home.jpg", photo)}
    answer = service.post(path, b"", files=files, headers=headers).raise_for_status()

    def found():
        return [
            line
            for line in lines_of(service, "Ingress")
            if line.get("request_id") == headers["X-Request-ID"]
            and line["message"].startswith("POST ")  # the first request also starts Serve's routers
        ]

    wait_for(found)
    (line,) = found()
    assert (line["route"], line["status"], line["faces"]) == (path, 200, 1)
    assert line["model_version"] == answer.headers["X-Model-Version"]
    assert {"decode", "crop", "mask", "inpaint", "paste", "encode", "total"} <= set(line["ms"])


@pytest.mark.serve
def test_the_stages_lines_carry_the_requests_id(service):
    photo = to_jpeg(masked_portrait().image)
    service.post("/v1/unmask", photo, headers={"X-Request-ID": "stages-7"}).raise_for_status()

    for deployment in ("FaceCropper", "MaskDetector", "Inpainter"):
        wait_for(
            lambda name=deployment: any(
                line.get("request_id") == "stages-7" for line in lines_of(service, name)
            )
        )


@pytest.mark.serve
def test_no_log_holds_anything_of_a_photo(service):
    photo = to_jpeg(masked_portrait().image)
    files = {"photo": ("anna-at-home.jpg", photo)}
    service.post("/v1/unmask", b"", files=files).raise_for_status()
    service.post("/v1/unmask", b"", files={"photo": ("anna-at-home.jpg", photo[:2000])})
    httpx.get(service.url + "/anna-at-home.jpg", timeout=60)

    written = b"".join(path.read_bytes() for path in service.logs.rglob("*") if path.is_file())
    assert b"POST /v1/unmask 200" in written
    assert b"anna-at-home" not in written
    rng = np.random.default_rng(0)
    for start in rng.integers(0, len(photo) - 16, 200):
        piece = photo[start : start + 16]
        assert piece not in written
        assert repr(piece)[2:-1].encode() not in written


def lines_of(service, deployment):
    paths = service.logs.glob(f"replica_*_{deployment}_*.log")
    return [json.loads(line) for path in paths for line in path.read_text().splitlines()]
