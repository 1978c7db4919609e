"""POST /v1/faces and /v1/mask."""

import base64

import numpy as np


async def test_faces_tells_where_they_are(client, photo, stages):
    answer = (await client.post("/v1/faces", files={"photo": photo})).json()

    assert (answer["width"], answer["height"]) == (160, 120)
    face = answer["faces"][0]
    np.testing.assert_allclose(face["points"], stages.faces[0].points, atol=0.01)
    assert (face["box"], face["score"]) == ([44, 40, 76, 80], 0.9)


async def test_faces_has_the_number_of_each(client, photo, stages):
    near = stages.faces[0]
    stages.faces = [near, type(near)(near.box + 60, 0.1, near.points + 60)]

    answer = (await client.post("/v1/faces", files={"photo": photo})).json()

    assert [(face["index"], face["score"]) for face in answer["faces"]] == [(0, 0.9), (1, 0.1)]


async def test_a_photo_without_faces_has_an_empty_list(client, photo, stages):
    stages.faces = []

    answer = await client.post("/v1/faces", files={"photo": photo})

    assert (answer.status_code, answer.json()["faces"]) == (200, [])


async def test_faces_asks_no_stage_but_the_detector(client, photo, stages):
    await client.post("/v1/faces", files={"photo": photo})

    assert set(stages.calls) == {"detect"}


async def test_the_mask_is_black_and_white_and_as_large_as_the_photo(client, photo, decode):
    answer = await client.post("/v1/mask", files={"photo": photo})

    mask = decode(answer.content)
    assert (mask.format, mask.mode, mask.size) == ("PNG", "L", (160, 120))
    assert set(np.unique(np.asarray(mask))) == {0, 255}
    assert np.asarray(mask)[72, 60] == 255


async def test_a_bare_face_leaves_the_mask_black(client, reference, decode):
    answer = await client.post("/v1/mask", files={"photo": reference})

    assert not np.asarray(decode(answer.content)).any()


async def test_the_mask_as_json_has_the_faces_too(client, photo, decode):
    answer = await client.post(
        "/v1/mask", files={"photo": photo}, headers={"Accept": "application/json"}
    )

    content = answer.json()
    assert content["faces"][0]["mask_probability"] == 0.95
    mask = decode(base64.b64decode(content["mask"]["base64"]))
    assert (mask.size, content["mask"]["media_type"]) == ((160, 120), "image/png")


async def test_mask_does_not_paint(client, photo, stages):
    await client.post("/v1/mask", files={"photo": photo})

    assert set(stages.calls) == {"detect", "find_mask"}
