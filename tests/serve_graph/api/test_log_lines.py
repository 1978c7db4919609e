"""What is logged about a request."""

import json
import logging

import pytest
from ray._common.formatters import JSONFormatter

from serve_graph import package_version
from serve_graph.logs import log
from tests.serve_graph.api.conftest import face_at

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def lines(monkeypatch, caplog):
    """The lines so far, as a replica writes them."""
    caplog.set_level(logging.INFO, logger=log.name)
    # A Serve instance in this process may have detached the logger from the root.
    monkeypatch.setattr(log, "handlers", [caplog.handler])
    monkeypatch.setattr(log, "propagate", False)
    return lambda: [json.loads(JSONFormatter().format(record)) for record in caplog.records]


async def test_a_request_is_one_line(client, photo, lines):
    headers = {"X-Request-ID": "shop-42", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
    await client.post("/v1/unmask", files={"photo": photo}, headers=headers)

    (line,) = lines()
    assert line["message"] == "POST /v1/unmask 200"
    assert (line["request_id"], line["trace_id"]) == ("shop-42", TRACE)
    assert (line["route"], line["status"], line["faces"]) == ("/v1/unmask", 200, 1)
    assert {"decode", "crop", "inpaint", "total"} <= set(line["ms"])
    assert (line["version"], line["model_version"]) == (package_version(), "test-7")


@pytest.mark.parametrize("call", ["mask", "faces"])
async def test_a_single_step_logs_how_many_faces_it_found_too(client, photo, lines, call):
    await client.post(f"/v1/{call}", files={"photo": photo})

    assert lines()[-1]["faces"] == 1


@pytest.mark.parametrize("call", ["unmask", "mask", "faces"])
async def test_a_photo_without_a_face_logs_none_found(client, photo, stages, lines, call):
    stages.faces = []
    await client.post(f"/v1/{call}", files={"photo": photo})

    assert lines()[-1]["faces"] == 0


async def test_the_faces_logged_are_those_chosen(client, photo, stages, lines):
    stages.faces = [face_at(40, 60), face_at(120, 60)]
    await client.post("/v1/unmask?faces=largest", files={"photo": photo})

    assert lines()[-1]["faces"] == 1


async def test_a_refused_request_is_a_line_too(client, lines):
    await client.post("/v1/unmask", files={"photo": b"no photo"})

    (line,) = lines()
    assert line["status"] == 415
    assert "faces" not in line


async def test_the_callers_own_path_stays_out(client, lines):
    await client.get("/holiday/anna.jpg")

    (line,) = lines()
    assert "anna" not in json.dumps(line)


async def test_neither_the_file_nor_its_name_is_in_a_line(client, photo, stages, lines):
    stages.error = RuntimeError("broken")
    await client.post("/v1/unmask", files={"photo": ("anna.jpg", photo)})

    failure, line = lines()
    assert failure["message"].endswith("failed.")
    assert line["status"] == 500
    text = json.dumps([failure, line])
    assert "anna" not in text
    assert repr(photo[:8])[2:-1] not in text
