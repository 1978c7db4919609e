"""Pictures in JSON: base64 written in pieces."""

import base64
import io
import json
import tracemalloc

import numpy as np
import pytest
from PIL import Image as PilImage

from serve_graph.api.answers import write_json
from serve_graph.api.schemas import MaskAnswer, PictureAnswer

NO_FACES = {"width": 1, "height": 1, "timings": {}, "faces": []}


@pytest.fixture
def answer():
    return MaskAnswer(**NO_FACES, mask=PictureAnswer(media_type="image/png", base64="%"))


@pytest.mark.parametrize("size", [0, 1, 98_303, 98_304, 98_305, 300_000])
def test_a_file_of_any_size_comes_out_whole(answer, size):
    file = np.random.default_rng(size).bytes(size)

    content = json.loads(write_json(answer, [file]))

    assert base64.b64decode(content["mask"].pop("base64"), validate=True) == file
    assert content == NO_FACES | {"mask": {"media_type": "image/png"}}


def test_a_file_is_held_once_while_it_is_written(answer):
    file = bytes(6_000_000)
    tracemalloc.start()
    body = write_json(answer, [file])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 1.3 * len(body)


async def test_a_large_picture_is_the_same_in_each_answer(client):
    noise = np.random.default_rng(0).integers(0, 60, (300, 400, 3), np.uint8)
    out = io.BytesIO()
    PilImage.fromarray(noise).save(out, "PNG")
    files = {"photo": out.getvalue()}

    plain = await client.post("/v1/unmask", files=files)
    told = [
        await client.post("/v1/unmask", files=files, headers={"Accept": accept})
        for accept in ("application/json", "text/event-stream")
    ]

    as_json, as_event = told[0].content, told[1].text.split("data: ")[-1]
    for content in (json.loads(as_json), json.loads(as_event)):
        assert base64.b64decode(content["painted"]["base64"]) == plain.content
    assert len(plain.content) > 200_000
