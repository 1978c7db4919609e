"""Info, health, metrics, docs and the page."""

import json
import re

import pytest

from serve_graph import package_version
from serve_graph.settings import RESERVED_PREFIXES


async def test_it_is_alive(client):
    assert (await client.get("/healthz")).status_code == 200


async def test_it_tells_what_runs_and_what_it_accepts(make_client):
    client = make_client(
        limits={"max_bytes": 5_000_000}, max_faces=8, default_timeout_s=60, max_timeout_s=45
    )

    answer = await client.get("/v1/info")

    assert answer.json() == {
        "version": package_version(),
        "model_version": "test-7",
        "formats": ["jpeg", "png", "webp", "heic"],
        "limits": {"max_bytes": 5_000_000, "max_pixels": 50_000_000, "max_side": 16_384},
        "max_faces": 8,
        "max_candidates": 4,
        "default_timeout_s": 45,  # capped, as for a call
        "max_timeout_s": 45,
    }
    assert answer.headers["x-model-version"] == "test-7"
    assert answer.headers["cache-control"] == "no-store"


async def test_asking_for_info_does_not_count_as_a_call(client, recorder, photo):
    await client.get("/v1/info")
    await client.post("/v1/faces", files={"photo": photo})

    assert [route for route, *_ in recorder.requests] == ["other", "/v1/faces"]


async def test_it_is_ready_when_all_stages_are(client):
    answer = await client.get("/readyz")

    assert (answer.status_code, answer.json()["stages"]) == (200, {"crop": True, "mask": True})


async def test_it_tells_which_stage_is_not_ready(make_client):
    client = make_client(ready={"crop": True, "mask": False}, retry_after_s=7)
    answer = await client.get("/readyz")

    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/not-ready")
    assert answer.json()["stages"] == {"crop": True, "mask": False}
    assert answer.json()["detail"] == "Not ready: mask: try again in 7 s."
    assert answer.headers["retry-after"] == "7"


async def test_metrics_are_prometheus_text(client):
    answer = await client.get("/metrics")

    assert answer.text == "mask2face_requests_total 1\n"
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")


async def test_metrics_can_be_closed(make_client):
    assert (await make_client(open_metrics=False).get("/metrics")).status_code == 404


async def test_metrics_can_be_moved(make_client):
    client = make_client(metrics_path="/internal/metrics")

    assert (await client.get("/internal/metrics")).status_code == 200
    assert (await client.get("/metrics")).status_code == 404


async def test_each_path_of_the_api_is_known_as_taken(make_api):
    paths = {route.path for route in make_api(open_metrics=False).routes}

    # `metrics_path` can't contain a dot.
    prefixes = {f"/{path.split('/')[1]}" for path in paths - {"/", "/openapi.json"}}
    assert prefixes <= set(RESERVED_PREFIXES)


async def test_the_page_is_served(client):
    answer = await client.get("/")

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")


async def test_a_browser_shows_no_old_file_without_asking(client):
    for path in ("/", "/static/app.js"):
        answer = await client.get(path)
        assert answer.headers["cache-control"] == "no-cache"
    again = await client.get(path, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.headers["cache-control"]) == (304, "no-cache")


async def test_the_page_loads_only_its_own_and_lies_in_no_frame(client):
    headers = (await client.get("/")).headers
    docs = (await client.get("/docs")).headers  # Swagger UI has an inline script

    policy = headers["content-security-policy"].split("; ")
    assert {"default-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"} <= set(policy)
    assert headers["x-content-type-options"] == "nosniff"
    assert "content-security-policy" not in docs


@pytest.mark.parametrize(
    "path", ["/", "/v1/info", "/healthz", "/readyz", "/metrics", "/docs", "/openapi.json"]
)
async def test_a_balancer_may_ask_by_head(client, path):
    assert (await client.head(path)).status_code == 200


async def test_by_head_too_it_is_not_ready(make_client):
    assert (await make_client(ready={"crop": False}).head("/readyz")).status_code == 503


async def test_the_document_has_each_operation_once(client):
    document = (await client.get("/openapi.json")).json()
    ids = [one["operationId"] for path in document["paths"].values() for one in path.values()]

    assert len(ids) == len(set(ids)) == 8


@pytest.mark.parametrize("path", ["/", "/docs"])
async def test_all_files_of_a_page_come_from_here(client, path):
    page = (await client.get(path)).text
    links = re.findall(r'(?:src|href)="(?!data:)([^"#]+)"', page)

    assert links
    for link in links:
        assert "//" not in link
        assert (await client.get(link)).status_code == 200, link


@pytest.mark.parametrize("call", ["unmask", "swap", "mask", "faces"])
async def test_the_document_names_fields_answers_and_problems(client, call):
    described = (await client.get("/openapi.json")).json()["paths"][f"/v1/{call}"]["post"]

    form = described["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert form["properties"]["photo"]["format"] == "binary"
    assert "application/json" in described["responses"]["200"]["content"]
    for status in ("400", "413", "415", "422", "500", "503", "504"):
        assert list(described["responses"][status]["content"]) == ["application/problem+json"]


async def test_the_document_asks_for_what_a_swap_needs(client):
    described = (await client.get("/openapi.json")).json()["paths"]["/v1/swap"]["post"]
    content = described["requestBody"]["content"]

    assert list(content) == ["multipart/form-data"]  # a picture alone isn't enough
    required = content["multipart/form-data"]["schema"]["required"]
    assert set(required) == {"photo", "reference", "consent"}


async def test_the_document_says_that_metrics_may_not_be_ready(client):
    described = (await client.get("/openapi.json")).json()["paths"]["/metrics"]["get"]

    assert {"200", "503"} <= set(described["responses"])


async def test_all_references_in_the_document_lead_somewhere(client):
    document = (await client.get("/openapi.json")).json()
    references = set(re.findall(r'"\$ref": "#/components/schemas/(\w+)"', json.dumps(document)))

    assert references
    assert references <= set(document["components"]["schemas"])


@pytest.mark.parametrize("call", ["unmask", "mask", "faces"])
async def test_json_answers_have_the_documented_members(client, photo, call):
    document = (await client.get("/openapi.json")).json()
    content = document["paths"][f"/v1/{call}"]["post"]["responses"]["200"]["content"]
    name = content["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]

    answer = await client.post(
        f"/v1/{call}", files={"photo": photo}, headers={"Accept": "application/json"}
    )

    assert set(answer.json()) == set(document["components"]["schemas"][name]["properties"])
