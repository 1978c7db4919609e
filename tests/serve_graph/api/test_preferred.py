"""Accept and ?accept=: a picture unless JSON is preferred."""

import pytest
from starlette.requests import Request

from serve_graph.api.negotiation import preferred, preferred_format
from serve_graph.api.schemas import FacesFields, MaskFields, UnmaskFields
from serve_graph.problems import FieldsError, NotAcceptableError


def request(*accept, query=b""):
    headers = [(b"accept", value.encode()) for value in accept]
    return Request({"type": "http", "headers": headers, "query_string": query})


@pytest.mark.parametrize(
    "accept",
    [
        "*/*",
        "image/png",
        "image/*",
        "image/avif,image/webp,image/*,*/*;q=0.8",
        "application/json;q=0.5, */*",
        "application/json;q=0.5, image/jpeg;q=0.6",
        "application/json, image/jpeg",
        "application/json, image/*",
        "application/json, image/jpg",
        "image/avif, */*",
        "application/json;q=0, */*;q=0.1",
        "application/json;q=often, image/*",
        "application/json;q=nan, image/*;q=0.1",
        "",
    ],
)
def test_a_picture_is_answered(accept):
    assert preferred(request(accept), UnmaskFields) == "picture"


@pytest.mark.parametrize(
    "accept",
    [
        "application/json",
        "APPLICATION/JSON",
        "application/json; charset=utf-8",
        "application/json, text/plain, */*",
        "application/*",
        "image/jpeg;q=0.5, application/json;q=0.9",
        "image/avif, application/json;q=0.1",
        "image/*;q=0, */*",
        "image/*;q=nan, application/json;q=0.1",
    ],
)
def test_json_is_answered(accept):
    assert preferred(request(accept), UnmaskFields) == "json"


def test_without_the_header_it_is_a_picture():
    assert preferred(request(), UnmaskFields) == "picture"


def test_two_headers_count_as_one():
    assert preferred(request("image/*;q=0.1", "application/json"), UnmaskFields) == "json"


@pytest.mark.parametrize(
    "accept", ["text/html", "text/event-stream", "image/avif", "image/jpeg", "*/*;q=0", ";;,"]
)
def test_what_is_not_made_here_is_refused(accept):
    with pytest.raises(NotAcceptableError, match=r"expected one of image/png, application/json\.$"):
        preferred(request(accept), MaskFields)


@pytest.mark.parametrize(
    ("accept", "own", "expected"),
    [
        ("image/png", "jpeg", "png"),
        ("image/jpg", "png", "jpeg"),
        ("image/webp, image/png;q=0.9", "png", "webp"),
        ("image/avif,image/webp,*/*;q=0.8", "jpeg", "webp"),
        ("image/png, image/webp", "webp", "webp"),
        ("image/webp, image/*", "jpeg", "webp"),
        ("image/webp;q=0.5, image/*", "jpeg", "jpeg"),
        ("image/jpeg;q=0, image/*", "jpeg", "png"),
        ("image/*", "webp", "webp"),
        ("*/*", "png", "png"),
        ("application/json", "png", "png"),
    ],
)
def test_the_format_is_the_one_that_is_named_or_else_the_photos(accept, own, expected):
    assert preferred_format(request(accept), own) == expected


def test_a_choice_in_the_query_leaves_the_format_as_it_was():
    assert preferred_format(request("image/png", query=b"accept=picture"), "jpeg") == "jpeg"


@pytest.mark.parametrize("accept", ["image/*", "text/html", "*/*"])
def test_the_query_comes_before_the_header(accept):
    as_json = request(accept, query=b"faces=all&accept=json")
    as_picture = request("application/json", query=b"accept=picture")

    assert preferred(as_json, UnmaskFields) == "json"
    assert preferred(as_picture, UnmaskFields) == "picture"


def test_an_empty_choice_in_the_query_counts_as_not_sent():
    assert preferred(request("application/json", query=b"accept="), UnmaskFields) == "json"


def test_the_query_names_what_there_is():
    with pytest.raises(FieldsError, match="accept: Input should be picture or json"):
        preferred(request(query=b"accept=events"), MaskFields)


def test_what_has_one_kind_only_names_that():
    with pytest.raises(FieldsError, match=r"accept: Input should be json$"):
        preferred(request(query=b"accept=picture"), FacesFields)


async def test_a_call_answers_in_the_format_of_its_header_unless_a_field_names_one(client, photo):
    answers = [
        await client.post("/v1/unmask", files={"photo": photo}, data=data, headers={"Accept": one})
        for one, data in (
            ("image/png", {}),
            ("image/png", {"format": "webp"}),
            ("image/avif", {}),
            ("image/*", {}),
        )
    ]

    assert [answer.headers["content-type"] for answer in answers] == [
        "image/png",
        "image/webp",
        "application/problem+json",
        "image/jpeg",
    ]
    assert answers[2].status_code == 406


async def test_a_call_answers_as_its_query_says(client, photo):
    files = {"photo": photo}
    answers = [
        await client.post(f"/v1/{path}", files=files)
        for path in (
            "unmask?accept=json",
            "mask?accept=json",
            "faces?accept=json",
            "unmask?accept=events",
        )
    ]

    types = [answer.headers["content-type"].split(";")[0] for answer in answers]
    assert types == [*3 * ["application/json"], "text/event-stream"]
    refused = await client.post("/v1/faces?accept=picture", files=files)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "accept")
