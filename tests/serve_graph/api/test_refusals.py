"""Each problem that a caller can run into, with its status and type."""

import logging
import struct
import zlib

import numpy as np
import pytest

from serve_graph.logs import log
from serve_graph.problems import BusyError


def check(answer, status, slug):
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{slug}")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert answer.json()["title"]
    assert answer.json()["instance"] == answer.headers["x-request-id"]


def png_chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


async def test_a_damaged_photo_is_400(client, photo):
    check(await client.post("/v1/unmask", files={"photo": photo[:300]}), 400, "bad-image")


async def test_a_photo_over_the_byte_limit_is_413(make_client, photo):
    client = make_client(limits={"max_bytes": 500})

    check(await client.post("/v1/unmask", files={"photo": photo + bytes(500)}), 413, "too-large")


async def test_81_megapixels_are_413(client):
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 9000, 9000, 1, 0, 0, 0, 0))
    pixels = png_chunk(b"IDAT", zlib.compress(bytes(9000 * 1126), 9))
    bomb = b"\x89PNG\r\n\x1a\n" + header + pixels + png_chunk(b"IEND", b"")
    assert len(bomb) < 20_000

    check(await client.post("/v1/unmask", files={"photo": bomb}), 413, "too-large")


async def test_a_text_is_415(client):
    check(await client.post("/v1/unmask", files={"photo": b"hello, world"}), 415, "not-an-image")


@pytest.mark.parametrize("name", ["reference", "mask"])
async def test_a_text_as_another_picture_is_415_and_named(client, photo, name):
    files = {"photo": photo, name: b"hello, world"}
    answer = await client.post("/v1/unmask", files=files, data={"consent": "true"})

    check(answer, 415, "not-an-image")
    assert answer.json()["detail"].startswith(f"{name}: ")


async def test_another_body_type_is_415(client):
    check(await client.post("/v1/unmask", json={"photo": "…"}), 415, "not-an-image")


async def test_no_face_is_422(client, photo, stages):
    stages.faces = []

    check(await client.post("/v1/unmask", files={"photo": photo}), 422, "no-face")


async def test_no_face_for_a_mask_is_422(client, photo, stages):
    stages.faces = []

    check(await client.post("/v1/mask", files={"photo": photo}), 422, "no-face")


async def test_swap_without_a_masked_face_is_422(client, reference):
    files = {"photo": reference, "reference": reference}

    check(await client.post("/v1/swap", files=files, data={"consent": "true"}), 422, "no-mask")


@pytest.mark.parametrize("consent", [{}, {"consent": "false"}])
@pytest.mark.parametrize("call", ["unmask", "swap"])
async def test_a_reference_without_consent_is_422(client, photo, reference, stages, call, consent):
    files = {"photo": photo, "reference": reference}

    answer = await client.post(f"/v1/{call}", files=files, data=consent)

    check(answer, 422, "missing-consent")
    assert [error["field"] for error in answer.json()["errors"]] == ["consent"]
    assert not stages.calls


async def test_a_reference_with_a_mask_is_422(client, photo):
    files = {"photo": photo, "reference": photo}

    answer = await client.post("/v1/unmask", files=files, data={"consent": "true"})

    check(answer, 422, "bad-reference")


@pytest.mark.parametrize("accept", ["image/*", "application/json", "text/event-stream"])
async def test_swap_without_a_reference_is_422_before_the_photo_is_decoded(client, accept):
    answer = await client.post("/v1/swap", files={"photo": b"x"}, headers={"Accept": accept})

    check(answer, 422, "bad-request")
    assert answer.json()["errors"][0]["field"] == "reference"


@pytest.mark.parametrize("call", ["unmask", "swap", "mask", "faces"])
async def test_a_missing_photo_is_422(client, call):
    answer = await client.post(f"/v1/{call}", files={"photo": b""})

    check(answer, 422, "bad-request")
    assert answer.json()["errors"][0]["field"] == "photo"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("format", "gif"),
        ("quality", "0"),
        ("quality", "101"),
        ("quality", "high"),
        ("sharpen", "perhaps"),
        ("expression", "angry"),
        ("candidates", "0"),
        ("candidates", "5"),
        ("candidates", "some"),
        ("faces", "some"),
        ("faces", "-1"),
        ("faces", "0,"),
        ("faces", "0\n"),
    ],
)
async def test_a_field_that_cannot_be_used_is_422_and_named(client, photo, field, value):
    answer = await client.post("/v1/unmask", files={"photo": photo}, data={field: value})

    check(answer, 422, "bad-request")
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize("call", ["unmask", "unmask?accept=json", "unmask?accept=events", "swap"])
async def test_a_format_that_cannot_hold_the_photo_is_422_before_any_stage(
    client, encode, stages, reference, call
):
    files = {"photo": encode(size=(16_384, 8)), "reference": reference}
    data = {"format": "webp", "consent": "true"}

    answer = await client.post(f"/v1/{call}", files=files, data=data)

    check(answer, 422, "bad-request")
    detail = "webp is limited to 16383 px a side: ask for jpeg or png."
    assert answer.json()["errors"] == [{"field": "format", "detail": detail}]
    assert not stages.calls


@pytest.mark.parametrize("call", ["unmask", "mask"])
async def test_a_face_that_is_not_there_is_422_and_named(client, photo, call):
    answer = await client.post(f"/v1/{call}", files={"photo": photo}, data={"faces": "7"})

    check(answer, 422, "bad-request")
    detail = "7: no such face; the photo's only face is 0."
    assert answer.json()["errors"] == [{"field": "faces", "detail": detail}]


async def test_an_unknown_field_is_422_and_named(client, photo):
    answer = await client.post("/v1/unmask", files={"photo": photo}, data={"sharpn": "true"})

    check(answer, 422, "bad-request")
    assert answer.json()["errors"][0]["field"] == "sharpn"


@pytest.mark.parametrize("value", ["soon", "0", "-5", "1.5"])
async def test_a_bad_deadline_is_422(client, photo, value):
    headers = {"X-Request-Timeout-Ms": value}

    answer = await client.post("/v1/unmask", files={"photo": photo}, headers=headers)

    check(answer, 422, "bad-request")
    assert answer.json()["errors"][0]["field"] == "X-Request-Timeout-Ms"


async def test_answers_that_are_not_made_are_406(client, photo):
    headers = {"Accept": "text/html"}

    answer = await client.post("/v1/unmask", files={"photo": photo}, headers=headers)

    check(answer, 406, "not-acceptable")


async def test_an_unknown_path_is_404(client):
    answer = await client.get("/v1/nothing")

    check(answer, 404, "not-found")
    assert answer.json()["detail"] == "Nothing is at this path: /docs lists the calls."


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/unmask", "POST"),
        ("HEAD", "/v1/faces", "POST"),
        ("POST", "/healthz", "GET, HEAD"),
        ("POST", "/", "GET, HEAD"),
        ("DELETE", "/docs", "GET, HEAD"),
        ("PUT", "/openapi.json", "GET, HEAD"),
        ("POST", "/static/app.js", "GET, HEAD"),
    ],
)
async def test_another_method_is_405_and_tells_which_is_allowed(client, method, path, allowed):
    answer = await client.request(method, path)

    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    if method != "HEAD":
        check(answer, 405, "method-not-allowed")
        assert answer.json()["detail"] == f"This path takes {allowed}."


async def test_a_full_stage_is_503_with_retry_after(make_client, photo, stages):
    client = make_client(retry_after_s=2.5)
    stages.error = BusyError()

    answer = await client.post("/v1/unmask", files={"photo": photo})

    check(answer, 503, "busy")
    assert answer.headers["retry-after"] == "3"
    assert answer.json()["retry_after"] == 3


async def test_what_needs_another_request_does_not_say_when_to_try_again(client, photo):
    answer = await client.post("/v1/unmask", files={"photo": photo}, data={"quality": "0"})

    check(answer, 422, "bad-request")
    assert "retry_after" not in answer.json()


async def test_an_error_of_ours_is_500_without_internals(client, photo, stages, caplog):
    stages.error = RuntimeError("weights at /secret/path")

    answer = await client.post("/v1/unmask", files={"photo": photo})

    check(answer, 500, "internal")
    assert "secret" not in answer.text
    assert answer.headers["x-request-id"] in caplog.text
    assert "secret" in caplog.text


async def test_no_pixel_is_logged(client, caplog):
    caplog.set_level(logging.INFO, logger=log.name)
    noise = np.random.default_rng(0).bytes(2000)

    await client.post("/v1/unmask", files={"photo": b"\xff\xd8\xff" + noise})

    assert caplog.records
    assert "\\x" not in caplog.text


@pytest.mark.parametrize(("count", "reason"), [(0, "no-face"), (1, None)])
async def test_refusals_are_counted_by_reason(client, photo, stages, recorder, count, reason):
    stages.faces = stages.faces[:count]

    await client.post("/v1/unmask", files={"photo": photo})

    assert recorder.rejections == ([reason] if reason else [])
