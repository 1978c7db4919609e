"""A photo of two people, of whom one wears a mask."""

import io

import pytest
from PIL import Image as PilImage

from models.photo.encode import SOURCE_TYPE
from tests.serve_graph.api.conftest import face_at


@pytest.mark.parametrize("call", ["unmask", "swap"])
async def test_one_masked_face_makes_it_a_changed_picture(client, encode, stages, reference, call):
    both, out = [face_at(40, 60), face_at(120, 60)], io.BytesIO()

    async def detect(thumb):
        return both if thumb.min() < 100 else both[:1]

    stages.detect = detect
    picture = PilImage.open(io.BytesIO(encode(220)))
    picture.paste((20, 20, 20), (0, 0, 80, 120))
    picture.save(out, "JPEG")
    files = {"photo": out.getvalue(), "reference": reference}

    answer = await client.post(f"/v1/{call}", files=files, data={"consent": "true"})

    assert answer.status_code == 200
    assert SOURCE_TYPE.encode() in answer.content
