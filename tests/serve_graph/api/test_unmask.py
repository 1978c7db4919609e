"""POST /v1/unmask and /v1/swap: pictures and JSON."""

import base64
import io

import numpy as np
import pytest
from PIL import Image as PilImage
from PIL import ImageCms

from models.inpaint.paint import Painted
from models.landmarks.guess import Wish
from models.photo.encode import SOURCE_TYPE

JSON = {"Accept": "application/json"}


def grey_at(picture, x=60, y=72):
    return np.asarray(picture.convert("RGB"))[y, x].mean()


async def test_the_hole_is_painted_in_a_picture_of_the_same_size(client, photo, decode):
    answer = await client.post("/v1/unmask", files={"photo": photo})

    picture = decode(answer.content)
    assert (answer.status_code, picture.size) == (200, (160, 120))
    assert abs(grey_at(picture) - 40) < 3


async def test_the_rest_of_the_photo_stays(client, photo, decode):
    answer = await client.post("/v1/unmask", files={"photo": photo}, data={"format": "png"})

    pixels = np.asarray(decode(answer.content)).astype(int)
    assert np.abs(pixels[:, 120:] - 20).max() == 0


async def test_with_a_reference_the_swapped_face_comes_back(client, photo, reference, decode):
    files = {"photo": photo, "reference": reference}

    answer = await client.post("/v1/unmask", files=files, data={"consent": "true"})

    assert abs(grey_at(decode(answer.content)) - 90) < 3


async def test_the_wish_reaches_the_painter(client, photo, stages):
    fields = {"expression": "smile", "candidates": "2"}

    await client.post("/v1/unmask", files={"photo": photo}, data=fields, headers=JSON)

    assert stages.wish == Wish("smile", 2)


async def test_where_one_picture_is_sent_no_others_are_painted(client, photo, stages):
    fields = {"expression": "smile", "candidates": "4"}

    await client.post("/v1/unmask", files={"photo": photo}, data=fields)

    assert stages.wish == Wish("smile", 1)


async def test_json_carries_all_candidates_most_likely_first(client, photo, decode):
    answer = await client.post(
        "/v1/unmask", files={"photo": photo}, data={"candidates": "3"}, headers=JSON
    )

    content = answer.json()
    pictures = [decode(base64.b64decode(one["base64"])) for one in content["candidates"]]
    assert [round(grey_at(picture) / 10) * 10 for picture in pictures] == [40, 90, 140]
    assert content["painted"] == content["candidates"][0]


async def test_one_face_is_not_sent_twice(client, photo):
    answer = await client.post("/v1/unmask", files={"photo": photo}, headers=JSON)

    assert answer.json()["candidates"] is None


async def test_a_picture_is_the_most_likely_candidate(client, photo, decode):
    answer = await client.post("/v1/unmask?candidates=4", files={"photo": photo})

    assert abs(grey_at(decode(answer.content)) - 40) < 3


async def test_the_own_face_is_swapped_into_the_first_candidate(client, photo, reference, decode):
    answer = await client.post(
        "/v1/swap",
        files={"photo": photo, "reference": reference},
        data={"consent": "true", "candidates": "2"},
        headers=JSON,
    )

    content = answer.json()
    assert abs(grey_at(decode(base64.b64decode(content["swapped"]["base64"]))) - 90) < 3
    assert len(content["candidates"]) == 2
    assert [face["swapped"] for face in content["faces"]] == [True]


@pytest.fixture
def turned(stages):
    """Painted heads are turned far to the right."""
    paint = stages.paint

    async def turned_far(face, hole, wish):
        points = np.zeros((68, 2), np.float32)
        points[36:42], points[42:48], points[30] = (88, 86), (168, 86), (168, 130)
        return [Painted(one.face, points) for one in await paint(face, hole, wish)]

    stages.paint = turned_far


@pytest.mark.usefixtures("turned")
async def test_a_head_turned_much_farther_than_the_reference_is_said_to_be_painted(
    client, photo, reference, recorder
):
    files = {"photo": photo, "reference": reference}

    answer = await client.post("/v1/swap", files=files, data={"consent": "true"}, headers=JSON)

    (face,) = answer.json()["faces"]
    assert (face["changed"], face["swapped"]) == (True, False)
    assert answer.json()["swapped"] == answer.json()["painted"]
    assert +recorder.outcomes == {"unmasked": 1}


@pytest.mark.parametrize("name", ["jpeg", "png", "webp"])
async def test_the_answer_has_the_format_that_came_in(client, encode, decode, name):
    answer = await client.post("/v1/unmask", files={"photo": encode(20, name)})

    assert answer.headers["content-type"] == f"image/{name}"
    assert decode(answer.content).format == name.upper()


async def test_heic_is_answered_as_jpeg(client):
    from pillow_heif import from_pillow

    heic = io.BytesIO()
    from_pillow(PilImage.new("RGB", (160, 120), (20, 20, 20))).save(heic)

    answer = await client.post("/v1/unmask", files={"photo": heic.getvalue()})

    assert answer.headers["content-type"] == "image/jpeg"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("jpeg", "JPEG"),
        ("jpg", "JPEG"),
        ("png", "PNG"),
        ("webp", "WEBP"),
        ("JPG", "JPEG"),
        ("PNG", "PNG"),
    ],
)
async def test_the_caller_chooses_the_format(client, photo, decode, name, kind):
    answer = await client.post("/v1/unmask", files={"photo": photo}, data={"format": name})

    assert decode(answer.content).format == kind
    assert answer.headers["content-type"] == f"image/{kind.lower()}"


async def test_lower_quality_makes_a_smaller_file(client):
    noise = np.random.default_rng(0).integers(0, 100, (120, 160, 3), dtype=np.uint8)
    png = io.BytesIO()
    PilImage.fromarray(noise).save(png, "PNG")
    sizes = []
    for quality in ("10", "90"):
        fields = {"format": "jpeg", "quality": quality}
        answer = await client.post("/v1/unmask", files={"photo": png.getvalue()}, data=fields)
        sizes.append(len(answer.content))

    assert sizes[0] < sizes[1] / 2


@pytest.mark.parametrize(
    ("call", "grey", "reference_grey", "counts"),
    [
        ("unmask", 20, None, ["1", "1", "0"]),
        ("unmask", 220, None, ["1", "0", "0"]),
        ("swap", 20, 220, ["1", "1", "1"]),
        ("mask", 20, None, ["1", None, None]),
    ],
)
async def test_a_picture_says_what_became_of_its_faces(
    client, encode, call, grey, reference_grey, counts
):
    files = {"photo": encode(grey)}
    if reference_grey:
        files["reference"] = encode(reference_grey)
    data = {"consent": "true"} if reference_grey else {}

    answer = await client.post(f"/v1/{call}", files=files, data=data)

    names = ("x-faces", "x-faces-changed", "x-faces-swapped")
    assert [answer.headers.get(name) for name in names] == counts


async def test_exif_and_gps_are_stripped(client, encode, decode):
    exif = PilImage.Exif()
    exif[0x010F] = "SecretCamera"
    exif.get_ifd(0x8825)[1] = "N"

    answer = await client.post("/v1/unmask", files={"photo": encode(20, exif=exif)})

    assert not decode(answer.content).getexif()
    assert b"SecretCamera" not in answer.content


async def test_the_photo_is_turned_upright(client, encode, decode):
    exif = PilImage.Exif()
    exif[0x0112] = 6

    answer = await client.post("/v1/unmask", files={"photo": encode(20, exif=exif)})

    assert decode(answer.content).size == (120, 160)


async def test_the_colour_profile_is_carried_through(client, encode, decode):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    answer = await client.post("/v1/unmask", files={"photo": encode(20, icc_profile=profile)})

    assert decode(answer.content).info["icc_profile"] == profile


@pytest.mark.parametrize(("grey", "marked"), [(20, True), (220, False)])
async def test_only_a_changed_picture_is_marked_as_ai_made(client, encode, grey, marked):
    answer = await client.post("/v1/unmask", files={"photo": encode(grey)})

    assert (SOURCE_TYPE.encode() in answer.content) is marked


async def test_json_tells_faces_and_picture(client, photo, decode):
    answer = (await client.post("/v1/unmask", files={"photo": photo}, headers=JSON)).json()

    assert (answer["width"], answer["height"], answer["swapped"]) == (160, 120, None)
    face = answer["faces"][0]
    assert face["box"] == [44, 40, 76, 80]
    assert (face["score"], face["mask_probability"], face["changed"]) == (0.9, 0.95, True)
    assert face["mask_coverage"] == pytest.approx(90 * 116 / 256**2, abs=1e-3)
    assert len(face["points"]) == 5
    painted = answer["painted"]
    assert painted["media_type"] == "image/jpeg"
    assert abs(grey_at(decode(base64.b64decode(painted["base64"]))) - 40) < 3


async def test_json_with_a_reference_has_both_results(client, photo, reference, decode):
    files = {"photo": photo, "reference": reference}

    answer = await client.post("/v1/unmask", files=files, data={"consent": "true"}, headers=JSON)

    pictures = [answer.json()[name]["base64"] for name in ("painted", "swapped")]
    greys = [grey_at(decode(base64.b64decode(picture))) for picture in pictures]
    assert greys == pytest.approx([40, 90], abs=3)


async def test_json_has_the_milliseconds_of_each_stage(client, photo):
    answer = await client.post("/v1/unmask", files={"photo": photo}, headers=JSON)

    timings = answer.json()["timings"]
    assert {"upload", "decode", "crop", "mask", "inpaint", "paste", "encode"} < set(timings)
    assert timings["total"] >= timings["decode"]


async def test_a_bare_face_is_no_error_and_stays(client, reference, stages):
    answer = await client.post("/v1/unmask", files={"photo": reference}, headers=JSON)

    face = answer.json()["faces"][0]
    assert (answer.status_code, face["changed"], stages.calls["paint"]) == (200, False, 0)
    assert face["mask_probability"] < 0.5


@pytest.mark.parametrize(("faces", "boxes"), [("all", 2), ("largest", 1), ("1", 1), ("0,1,1", 2)])
async def test_the_caller_chooses_the_faces(client, photo, stages, faces, boxes):
    near = stages.faces[0]
    stages.faces = [near, type(near)(near.box + 60, 0.8, near.points + 60)]

    answer = await client.post(
        "/v1/unmask", files={"photo": photo}, data={"faces": faces}, headers=JSON
    )

    assert len(answer.json()["faces"]) == boxes


async def test_each_face_has_the_number_that_faces_takes(client, photo, stages):
    near = stages.faces[0]
    stages.faces = [near, type(near)(near.box + 60, 0.8, near.points + 60)]

    answer = await client.post(
        "/v1/unmask", files={"photo": photo}, data={"faces": "1,0"}, headers=JSON
    )

    assert [face["index"] for face in answer.json()["faces"]] == [1, 0]


def mask_of(*box, size=(160, 120)):
    picture = PilImage.new("L", size)
    picture.paste(255, box)
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


async def test_a_drawn_mask_says_what_is_painted(client, reference, decode, stages):
    files = {"photo": reference, "mask": mask_of(50, 62, 70, 70)}  # on a bare face

    answer = await client.post("/v1/unmask", files=files)

    picture = decode(answer.content)
    assert abs(grey_at(picture, y=66) - 40) < 3
    assert abs(grey_at(picture, y=80) - 40) > 20
    assert stages.calls["find_mask"] == 0


@pytest.mark.parametrize(
    ("mask", "detail"),
    [
        (mask_of(50, 62, 70, 70, size=(80, 60)), "80 x 60 px, the upright photo 160 x 120"),
        (mask_of(0, 0, 0, 0), "black"),
        (mask_of(150, 0, 160, 10), "on no face"),
    ],
)
async def test_a_drawn_mask_that_cannot_be_used_is_refused(client, photo, mask, detail):
    answer = await client.post("/v1/unmask", files={"photo": photo, "mask": mask})

    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/bad-mask")
    assert detail in answer.json()["detail"]


async def test_sharpening_changes_the_patch(client):
    noise = np.random.default_rng(0).integers(0, 60, (120, 160, 3), dtype=np.uint8)
    png = io.BytesIO()
    PilImage.fromarray(noise).save(png, "PNG")
    answers = [
        await client.post("/v1/unmask", files={"photo": png.getvalue()}, data={"sharpen": value})
        for value in ("false", "true")
    ]

    assert answers[0].content != answers[1].content


@pytest.mark.parametrize("media_type", ["image/jpeg", "application/octet-stream"])
async def test_a_bare_body_is_the_photo_and_the_query_its_fields(client, photo, decode, media_type):
    headers = {"Content-Type": media_type}

    answer = await client.post("/v1/unmask?format=png", content=photo, headers=headers)

    assert decode(answer.content).format == "PNG"


async def test_name_and_type_of_the_part_do_not_matter(client, photo):
    answer = await client.post("/v1/unmask", files={"photo": ("x.exe", photo, "text/html")})

    assert answer.status_code == 200


async def test_a_photo_without_a_file_name_is_taken(client, photo):
    answer = await client.post("/v1/unmask", files={"photo": (None, photo)})

    assert answer.status_code == 200


async def test_parts_that_a_browser_leaves_empty_count_as_absent(client, photo):
    files = {"photo": photo, "reference": ("", b"")}

    answer = await client.post("/v1/unmask", files=files, data={"format": ""})

    assert answer.status_code == 200


async def test_swap_answers_the_own_face(client, photo, reference, decode):
    files = {"photo": photo, "reference": reference}

    answer = await client.post("/v1/swap", files=files, data={"consent": "true"})

    assert abs(grey_at(decode(answer.content)) - 90) < 3


@pytest.mark.parametrize(("grey", "outcome"), [(20, "unmasked"), (220, "bare")])
async def test_faces_are_counted_by_outcome(client, encode, recorder, grey, outcome):
    await client.post("/v1/unmask", files={"photo": encode(grey)})

    assert +recorder.outcomes == {outcome: 1}


async def test_swapped_faces_are_counted(client, photo, reference, recorder):
    files = {"photo": photo, "reference": reference}

    await client.post("/v1/swap", files=files, data={"consent": "true"})

    assert +recorder.outcomes == {"swapped": 1}
