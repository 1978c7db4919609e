"""Accept: a picture unless JSON is preferred."""

import pytest
from starlette.requests import Request

from serve_graph.api.answers import preferred
from serve_graph.problems import NotAcceptableError


def request(*accept):
    headers = [(b"accept", value.encode()) for value in accept]
    return Request({"type": "http", "headers": headers})


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
    assert preferred(request(accept)) == "picture"


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
    assert preferred(request(accept)) == "json"


def test_without_the_header_it_is_a_picture():
    assert preferred(request()) == "picture"


def test_two_headers_count_as_one():
    assert preferred(request("image/*;q=0.1", "application/json")) == "json"


@pytest.mark.parametrize("accept", ["text/html", "text/event-stream", "*/*;q=0", ";;,"])
def test_what_is_not_made_here_is_refused(accept):
    with pytest.raises(NotAcceptableError):
        preferred(request(accept))
