"""The operator's `args.api` settings take effect; for those of time see test_bounds."""

import asyncio
import io

import numpy as np
import pytest
from PIL import Image as PilImage

from serve_graph.api import places
from tests.serve_graph.api.conftest import face_at


@pytest.fixture
def crowd(stages):
    """A photo of three faces for the tests that use it."""
    stages.faces = [face_at(x, 60, 0.15) for x in (30, 80, 130)]


@pytest.mark.usefixtures("crowd")
@pytest.mark.parametrize(("most", "painted"), [(2, 2), (3, 3)])
async def test_no_more_faces_than_max_faces_are_painted(make_client, photo, stages, most, painted):
    await make_client(max_faces=most).post("/v1/unmask", files={"photo": photo})

    assert stages.calls["paint"] == painted


@pytest.mark.usefixtures("crowd")
@pytest.mark.parametrize("at_once", [1, 2])
async def test_no_more_faces_than_at_once_are_in_the_stages(make_client, photo, stages, at_once):
    stages.delay_s = 0.05

    await make_client(at_once=at_once).post("/v1/unmask", files={"photo": photo})

    assert stages.most_at_once == at_once


@pytest.mark.parametrize(("bound", "is_worn"), [(0.94, True), (0.96, False)])
async def test_below_min_probability_a_face_is_bare(
    make_client, photo, stages, decode, bound, is_worn
):
    client = make_client(min_probability=bound)

    mask = await client.post("/v1/mask", files={"photo": photo})
    await client.post("/v1/unmask", files={"photo": photo})

    assert bool(np.asarray(decode(mask.content)).any()) == is_worn
    assert bool(stages.calls["paint"]) == is_worn


@pytest.mark.parametrize("quality", [30, 92])
async def test_without_the_callers_quality_the_operators_counts(
    make_client, photo, decode, quality
):
    def tables(**options):
        out = io.BytesIO()
        PilImage.new("RGB", (8, 8)).save(out, "JPEG", **options)
        return decode(out.getvalue()).quantization

    client = make_client(quality=quality)
    answer = await client.post("/v1/unmask", files={"photo": photo})
    asked = await client.post("/v1/unmask", files={"photo": photo}, data={"quality": "50"})

    assert decode(answer.content).quantization == tables(quality=quality)
    assert decode(asked.content).quantization == tables(quality=50)


@pytest.mark.parametrize(("standing", "status"), [(2, 503), (3, 200)])
async def test_a_queue_that_stays_has_max_standing_places(
    make_client, photo, stages, monkeypatch, standing, status
):
    monkeypatch.setattr(places, "BURST_S", 0.1)
    client = make_client(max_requests=9, max_standing=standing)
    stages.delay_s = 0.6
    held = [asyncio.create_task(client.post("/v1/faces", files={"photo": photo})) for _ in range(2)]
    await asyncio.sleep(0.3)

    answer = await client.post("/v1/faces", files={"photo": photo})

    assert answer.status_code == status
    assert {one.status_code for one in await asyncio.gather(*held)} == {200}


@pytest.mark.parametrize("name", ["X-Request-Timeout-Ms", "X-Request-ID", "Content-Type"])
async def test_pages_of_allowed_origins_may_send_each_header_of_the_api(make_client, name):
    client = make_client(allow_origins=["https://app.example"])
    asks = {
        "Origin": "https://app.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": name.lower(),
    }

    answer = await client.options("/v1/unmask", headers=asks)

    assert answer.status_code == 200
    assert name.lower() in answer.headers["access-control-allow-headers"].lower()
