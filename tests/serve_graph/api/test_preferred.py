"""Accept and ?accept=: a picture unless JSON is preferred."""

import pytest
from starlette.requests import Request

from serve_graph.api.answers import preferred
from serve_graph.problems import FieldsError, NotAcceptableError

KINDS = ("picture", "json")


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
        "application/json;q=0, */*;q=0.1",
        "application/json;q=often, image/*",
        "",
    ],
)
def test_a_picture_is_answered(accept):
    assert preferred(request(accept), KINDS) == "picture"


@pytest.mark.parametrize(
    "accept",
    [
        "application/json",
        "APPLICATION/JSON",
        "application/json; charset=utf-8",
        "application/json, text/plain, */*",
        "application/*",
        "image/jpeg;q=0.5, application/json;q=0.9",
        "image/*;q=0, */*",
    ],
)
def test_json_is_answered(accept):
    assert preferred(request(accept), KINDS) == "json"


def test_without_the_header_it_is_a_picture():
    assert preferred(request(), KINDS) == "picture"


def test_two_headers_count_as_one():
    assert preferred(request("image/*;q=0.1", "application/json"), KINDS) == "json"


@pytest.mark.parametrize("accept", ["text/html", "text/event-stream", "*/*;q=0", ";;,"])
def test_what_is_not_made_here_is_refused(accept):
    with pytest.raises(NotAcceptableError):
        preferred(request(accept), KINDS)


@pytest.mark.parametrize("accept", ["image/*", "text/html", "*/*"])
def test_the_query_comes_before_the_header(accept):
    assert preferred(request(accept, query=b"faces=all&accept=json"), KINDS) == "json"
    assert preferred(request("application/json", query=b"accept=picture"), KINDS) == "picture"


def test_an_empty_choice_in_the_query_counts_as_not_sent():
    assert preferred(request("application/json", query=b"accept="), KINDS) == "json"


def test_the_query_names_what_there_is():
    with pytest.raises(FieldsError, match="accept: Input should be picture or json"):
        preferred(request(query=b"accept=events"), KINDS)


def test_what_has_one_kind_only_names_that():
    with pytest.raises(FieldsError, match=r"accept: Input should be json$"):
        preferred(request(query=b"accept=picture"), ("json",))


@pytest.mark.asyncio
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
