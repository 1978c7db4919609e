"""Bodies: bounded while streaming in, kept in memory, and refused if they make no sense."""

import tempfile

import pytest
from starlette.requests import Request

from models.errors import TooLargeError
from serve_graph.api.forms import read_form
from serve_graph.api.schemas import FacesFields, UnmaskFields
from serve_graph.problems import BadFormError, CompressedBodyError, FieldsError

LIMIT = 1_000_000
PHOTO = b'Content-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n'


def body_of(*parts):
    return b"".join(b"--B\r\n" + part + b"\r\n" for part in parts) + b"--B--\r\n"


def field(name, value):
    return f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode()


class Upload:
    """A request whose body comes in chunks; counts how many were read."""

    def __init__(self, chunks, content_type=b"multipart/form-data; boundary=B", headers=()):
        self.chunks, self.taken, self.told = list(chunks), 0, []
        all_headers = [(b"content-type", content_type), *headers]
        scope = {"type": "http", "query_string": b"", "headers": all_headers}
        self.request = Request(scope, self._receive)

    async def _receive(self):
        self.taken += 1
        more = self.taken < len(self.chunks)
        return {"type": "http.request", "body": self.chunks[self.taken - 1], "more_body": more}


async def read(upload, fields_class=UnmaskFields):
    return await read_form(upload.request, fields_class, LIMIT, upload.told.append)


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
async def test_parts_come_out_whole_however_they_are_cut(size):
    photo = bytes(range(256)) * 20 + b"\r\n--A\r\n-"
    body = body_of(PHOTO + photo, field("faces", "0,2"), field("format", "png"))
    chunks = [body[i : i + size] for i in range(0, len(body), size)]

    upload = Upload(chunks)
    form = await read(upload)

    assert form.photos == {"photo": photo}
    assert (form.fields.faces, form.fields.format) == ((0, 2), "png")
    assert sum(upload.told) == len(body)


async def test_20_megabytes_never_touch_the_disk(make_client, monkeypatch, encode):
    def no_file(*_args, **_kwargs):
        raise AssertionError("a temporary file")

    for name in ("NamedTemporaryFile", "TemporaryFile", "SpooledTemporaryFile", "mkstemp"):
        monkeypatch.setattr(tempfile, name, no_file)
    monkeypatch.setattr("starlette.formparsers.SpooledTemporaryFile", no_file)
    photo = encode(20) + bytes(19_900_000)  # what follows a JPEG's end is ignored

    answer = await make_client().post("/v1/faces", files={"photo": photo})

    assert answer.status_code == 200


async def test_what_announces_itself_as_too_large_is_not_read():
    upload = Upload([b""] * 5, headers=[(b"content-length", b"9000000")])

    with pytest.raises(TooLargeError, match="A picture may have 1 MB, and the request is over 3"):
        await read(upload)
    assert upload.taken == 0


async def test_a_photo_over_the_limit_is_refused_before_its_end():
    upload = Upload([b"--B\r\n" + PHOTO] + [bytes(100_000)] * 50)

    with pytest.raises(TooLargeError):
        await read(upload)
    assert upload.taken <= 13


async def test_a_bare_body_over_the_limit_is_refused_before_its_end():
    upload = Upload([bytes(100_000)] * 50, b"image/jpeg")

    with pytest.raises(TooLargeError):
        await read(upload)
    assert upload.taken <= 12


async def test_a_body_without_a_photo_is_bounded_too():
    upload = Upload([b"\r\n" * 50_000] * 50)
    most = 10 * len(UnmaskFields.photo_names)  # as many chunks as that many pictures may have

    with pytest.raises(TooLargeError):
        await read(upload)
    assert upload.taken <= most + 2


async def test_a_long_field_is_refused_before_its_end():
    upload = Upload([b"--B\r\n" + field("faces", "")] + [b"1," * 1000] * 50)

    with pytest.raises(FieldsError, match="Longer"):
        await read(upload)
    assert upload.taken == 2


async def test_an_unknown_part_is_refused_before_it_is_read():
    upload = Upload([b"--B\r\n" + field("malware", "")] + [bytes(1000)] * 50)

    with pytest.raises(FieldsError, match="malware: Unknown"):
        await read(upload)
    assert upload.taken == 1


@pytest.mark.parametrize("part", [PHOTO + b"x", field("format", "png"), field("format", "")])
async def test_a_part_that_comes_twice_is_refused_before_the_end(part):
    upload = Upload([b"--B\r\n" + part + b"\r\n"] * 5)

    with pytest.raises(FieldsError, match="more than once"):
        await read(upload)
    assert upload.taken == 2


@pytest.mark.parametrize(
    ("query", "field"), [("faces=&faces=", "faces"), ("accept=json&accept=picture", "accept")]
)
async def test_a_field_of_the_query_may_not_come_twice_either(client, photo, query, field):
    answer = await client.post(f"/v1/unmask?{query}", files={"photo": photo})

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


async def test_faces_takes_no_reference():
    reference = PHOTO.replace(b"photo", b"reference")

    with pytest.raises(FieldsError, match="reference: Unknown"):
        await read(Upload([body_of(PHOTO + b"x", reference + b"x")]), FacesFields)


async def test_a_body_that_is_cut_off_is_refused():
    with pytest.raises(BadFormError, match="cut off"):
        await read(Upload([body_of(PHOTO + b"x")[:-8]]))


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"no multipart", "isn't multipart/form-data: "),
        (b"", "cut off"),
        (b"--B\r\nContent-Type: a/b\r\n\r\nx\r\n--B--", "no name"),
        # Old python-multipart kept any header, and failed at these names.
        (b"--B\r\nContent-Disposition: " + b"a" * 300_000, "header"),
        (b"--B\r\nContent-Disposition: form-data; name*=x; name*0=y\r\n\r\n", "no name"),
        (b"--B\r\nContent-Disposition: form-data; name*" + b"1" * 5000 + b"=x\r\n\r\n", "header"),
    ],
)
async def test_what_is_not_multipart_is_refused(body, told):
    with pytest.raises(BadFormError, match=told):
        await read(Upload([body]))


@pytest.mark.parametrize(
    "boundary",
    [
        b"",
        b"; boundary=",
        b"; boundary=" + b"x" * 500,
        b"; boundary*=x; boundary*0=y",
        b"; boundary*" + b"1" * 5000 + b"=x",
    ],
)
async def test_a_boundary_that_cannot_be_used_is_refused(boundary):
    with pytest.raises(BadFormError):
        await read(Upload([b"--B"], b"multipart/form-data" + boundary))


async def test_a_field_that_is_not_text_is_refused():
    with pytest.raises(FieldsError, match="UTF-8"):
        await read(Upload([body_of(field("faces", "") + b"\xff\xfe")]))


async def test_a_picture_in_the_query_is_refused(client, photo):
    answer = await client.post("/v1/faces?photo=x", files={"photo": photo})

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "photo")
    assert answer.json()["errors"][0]["detail"] == "A picture: send it in the form."


async def test_the_kind_of_answer_as_a_field_of_the_form_is_refused(client, photo):
    answer = await client.post("/v1/unmask", files={"photo": photo}, data={"accept": "json"})

    (problem,) = answer.json()["errors"]
    assert problem == {"field": "accept", "detail": "Send it in the query."}


@pytest.mark.parametrize("headers", [{}, {"Content-Type": ""}])
async def test_a_body_of_no_type_is_the_photo(client, photo, headers):
    answer = await client.post("/v1/faces", content=photo, headers=headers)

    assert answer.status_code == 200


async def test_a_body_of_another_type_is_told_which(client, photo):
    headers = {"Content-Type": "application/x-www-form-urlencoded"}

    answer = await client.post("/v1/faces", content=photo, headers=headers)

    assert (answer.status_code, answer.json()["type"]) == (415, "/problems/not-an-image")
    assert "Content-Type: application/x-www-form-urlencoded: " in answer.json()["detail"]


async def test_a_compressed_body_is_refused_unread():
    upload = Upload([b"x"], b"image/jpeg", headers=[(b"content-encoding", b"gzip")])

    with pytest.raises(CompressedBodyError, match="Content-Encoding: gzip: send the body as it is"):
        await read(upload)
    assert upload.taken == 0


async def test_a_compressed_body_is_415_and_says_what_is_taken(client, photo):
    answer = await client.post("/v1/faces", content=photo, headers={"Content-Encoding": "br"})

    assert (answer.status_code, answer.json()["type"]) == (415, "/problems/compressed-body")
    assert answer.headers["accept-encoding"] == "identity"


async def test_a_body_that_is_said_to_be_as_it_is_is_taken(client, photo):
    answer = await client.post("/v1/faces", content=photo, headers={"Content-Encoding": "Identity"})

    assert answer.status_code == 200


async def test_an_unknown_field_of_the_query_is_told_which_there_are(client, photo):
    answer = await client.post("/v1/faces?faces=0", files={"photo": photo})

    (problem,) = answer.json()["errors"]
    assert problem == {"field": "faces", "detail": "Unknown; expected one of: accept."}


async def test_the_forms_field_goes_before_the_querys(client, photo):
    answer = await client.post(
        "/v1/unmask?format=png&quality=500", files={"photo": photo}, data={"quality": "50"}
    )

    assert answer.headers["content-type"] == "image/png"
