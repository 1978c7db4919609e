"""What every answer carries, and what is measured about it."""

import asyncio

import httpx
import pytest


@pytest.mark.parametrize("path", ["/healthz", "/docs", "/nothing", "/static/nothing"])
async def test_every_answer_has_timing_and_version(client, path):
    headers = (await client.get(path)).headers

    assert headers["server-timing"].startswith("total;dur=")
    assert headers["x-model-version"] == "test-7"


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("POST", "/v1/unmask", "no-store"),
        ("POST", "/v1/unmask?accept=json", "no-store"),
        ("POST", "/v1/unmask?accept=events", "no-store"),
        ("POST", "/v1/unmask?quality=0", "no-store"),
        ("GET", "/healthz", "no-store"),
        ("HEAD", "/readyz", "no-store"),
        ("GET", "/metrics", "no-store"),
        ("GET", "/nothing", "no-store"),
        ("GET", "/docs/assets/nothing", "no-store"),
        ("DELETE", "/docs", "no-store"),
        ("GET", "/docs", "no-cache"),
        ("GET", "/docs/assets/swagger-ui.css", "no-cache"),
        ("GET", "/openapi.json", "no-cache"),
        ("GET", "/", "no-cache"),
        ("GET", "/static/app.js", "no-cache"),
    ],
)
async def test_no_cache_keeps_what_is_about_a_photo_and_files_are_asked_for_anew(
    client, photo, method, path, expected
):
    answer = await client.request(method, path, content=photo if method == "POST" else None)

    assert answer.headers.get_list("cache-control") == [expected]


async def test_where_the_service_has_a_prefix_its_docs_are_asked_for_anew_too(make_api):
    transport = httpx.ASGITransport(make_api(), root_path="/faces")
    client = httpx.AsyncClient(transport=transport, base_url="http://mask2face")

    answer = await client.get("/faces/docs")

    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache")


async def test_a_failure_is_kept_by_no_cache(client, photo, stages):
    stages.error = RuntimeError("broken")

    answer = await client.post("/v1/faces", files={"photo": photo})

    assert (answer.status_code, answer.headers["cache-control"]) == (500, "no-store")


async def test_a_connection_stays_open_for_the_next_request(client):
    assert "connection" not in (await client.get("/healthz")).headers


async def test_the_id_that_serve_adds_is_not_sent_twice(client):
    answer = await client.get("/healthz", headers={"X-Request-ID": "shop-42_a.b"})

    assert answer.headers.get_list("x-request-id") == ["shop-42_a.b"]


async def test_two_requests_have_two_ids(client):
    first, second = await client.get("/nothing"), await client.get("/nothing")

    assert first.json()["instance"] != second.json()["instance"]


async def test_without_an_id_of_serve_a_problem_has_one_too(make_api):
    transport = httpx.ASGITransport(make_api())
    client = httpx.AsyncClient(transport=transport, base_url="http://mask2face")

    assert (await client.get("/nothing")).json()["instance"]


@pytest.mark.parametrize("asked", ["shop-42_a.b", "abc d/\u00e9", "<script>", "x" * 200])
async def test_serve_logs_an_id_as_it_is_and_a_problem_names_the_same(client, asked):
    answer = await client.post(
        "/v1/faces", content=b"", headers={"X-Request-ID": asked.encode("latin-1")}
    )

    assert answer.json()["instance"] == asked
    assert answer.headers["content-type"] == "application/problem+json"


async def test_server_timing_lists_the_stages(client, photo):
    answer = await client.post("/v1/unmask", files={"photo": photo})

    stages = [entry.split(";dur=") for entry in answer.headers["server-timing"].split(", ")]
    names = [name for name, _ in stages]
    assert {"upload", "decode", "crop", "mask", "inpaint", "paste", "encode"} < set(names)
    assert names[-1] == "total"
    assert all(float(milliseconds) >= 0 for _, milliseconds in stages)


async def test_requests_are_counted_by_route_and_status(client, photo, recorder):
    await client.post("/v1/unmask", files={"photo": photo})
    await client.get("/v1/unmask")
    await client.get("/somebody/looks/around")
    await client.get("/static/nothing.js")

    assert recorder.requests == [
        ("/v1/unmask", 200),
        ("/v1/unmask", 405),
        ("other", 404),
        ("other", 404),
    ]
    assert recorder.answered == [True] * 4


async def test_the_upload_is_no_time_of_the_service(client, photo, recorder, monkeypatch):
    spent = []
    monkeypatch.setattr(
        recorder, "request", lambda _route, _code, spent_s, _: spent.append(spent_s)
    )

    async def slowly():
        yield photo[:100]
        await asyncio.sleep(2)
        yield photo[100:]

    await client.post("/v1/unmask", content=slowly(), headers={"Content-Type": "image/png"})

    assert 0 < spent[0] < 1.5


async def test_failures_are_counted_too(client, photo, stages, recorder):
    stages.error = RuntimeError("broken")

    await client.post("/v1/unmask", files={"photo": photo})

    assert recorder.requests == [("/v1/unmask", 500)]


async def test_a_cancelled_request_stops_its_work_and_is_no_error(
    client, photo, stages, recorder, caplog
):
    stages.delay_s = 60
    request = asyncio.create_task(client.post("/v1/unmask", files={"photo": photo}))
    while not stages.calls["detect"]:
        await asyncio.sleep(0.01)

    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request

    assert set(stages.calls) == {"detect"}
    assert recorder.requests == [("/v1/unmask", 499)]
    assert recorder.answered == [False]
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_a_client_that_leaves_while_uploading_is_no_error(make_api, recorder, caplog):
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/unmask",
        "query_string": b"",
        "headers": [(b"content-type", b"image/jpeg")],
    }

    async def receive():
        return {"type": "http.disconnect"}

    async def send(_message):
        raise AssertionError("nobody is there")

    await make_api()(scope, receive, send)

    assert recorder.requests == [("/v1/unmask", 499)]
    assert recorder.answered == [False]
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_pages_of_other_origins_may_not_call_by_default(client):
    answer = await client.get("/healthz", headers={"Origin": "https://app.example"})

    assert "access-control-allow-origin" not in answer.headers


async def test_pages_of_allowed_origins_may_call_and_read_the_headers(make_client):
    client = make_client(allow_origins=["https://app.example"])

    answer = await client.get("/healthz", headers={"Origin": "https://app.example"})

    assert answer.headers["access-control-allow-origin"] == "https://app.example"
    exposed = answer.headers["access-control-expose-headers"].split(", ")
    assert {"X-Request-ID", "X-Faces", "X-Faces-Changed", "X-Faces-Swapped"} <= set(exposed)


async def test_pages_of_allowed_origins_may_read_a_failure(make_client, photo, stages):
    client = make_client(allow_origins=["https://app.example"])
    stages.error = RuntimeError("broken")

    answer = await client.post(
        "/v1/faces", files={"photo": photo}, headers={"Origin": "https://app.example"}
    )

    assert (answer.status_code, answer.json()["type"]) == (500, "/problems/internal")
    assert answer.headers["access-control-allow-origin"] == "https://app.example"
    assert "X-Request-ID" in answer.headers["access-control-expose-headers"]
    assert answer.headers["x-request-id"] == answer.json()["instance"]


async def test_preflights_carry_timing_too(make_client):
    client: httpx.AsyncClient = make_client(allow_origins=["https://app.example"])
    headers = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}

    answer = await client.options("/v1/unmask", headers=headers)

    assert answer.status_code == 200
    assert answer.headers["server-timing"]
