"""Values that would only cause harm once the service runs."""

import math

import pytest
from pydantic import ValidationError

from serve_graph.settings import RESERVED_PREFIXES, ApiSettings, Batching

NO_NUMBERS = (math.inf, math.nan)


def refuses(model, **values):
    with pytest.raises(ValidationError) as caught:
        model(**values)
    return str(caught.value)


@pytest.mark.parametrize("value", NO_NUMBERS)
@pytest.mark.parametrize(
    "name", ["retry_after_s", "default_timeout_s", "max_timeout_s", "min_probability"]
)
def test_what_has_no_end_or_is_no_number_is_refused(name, value):
    assert name in refuses(ApiSettings, **{name: value})


@pytest.mark.parametrize("value", NO_NUMBERS)
def test_a_batch_that_never_starts_is_refused(value):
    assert "batch_wait_timeout_s" in refuses(Batching, batch_wait_timeout_s=value)


@pytest.mark.parametrize(("name", "value"), [("max_bytes", -1), ("max_pixels", 0), ("max_side", 0)])
def test_a_limit_that_lets_nothing_in_is_refused(name, value):
    assert f"{name}: {value}: it must be 1 or more" in refuses(ApiSettings, limits={name: value})


@pytest.mark.parametrize(
    "path", [*RESERVED_PREFIXES, "/v1/metrics", "/docs/metrics", "/static/metrics"]
)
def test_a_path_of_something_else_is_refused_for_metrics(path):
    assert "is taken" in refuses(ApiSettings, metrics_path=path)


@pytest.mark.parametrize(
    "origin",
    [
        "https://app.example.com/",
        "https://app.example.com/page",
        "https://App.example.com",
        "https://*.example.com",
        "https://app.example.com:443",
        "http://app.example.com:80",
        "app.example.com",
        "https://",
        "",
    ],
)
def test_what_no_browser_sends_as_origin_is_refused(origin):
    assert f"'{origin}' never matches" in refuses(ApiSettings, allow_origins=[origin])


def test_an_origin_that_anyone_may_send_is_refused_and_the_star_named():
    told = refuses(ApiSettings, allow_origins=["null"])

    assert "'null' is the origin of any file:// page" in told
    assert 'allow "*"' in told


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "https://app.example.com",
        "http://localhost:3000",
        "http://[::1]:81",
        "capacitor://localhost",
    ],
)
def test_what_a_browser_sends_as_origin_may_be_allowed(origin):
    assert ApiSettings(allow_origins=[origin]).allow_origins == (origin,)
