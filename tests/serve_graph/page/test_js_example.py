"""The example for browsers in docs/api.md, in a browser."""

import re

import pytest

from serve_graph import PROJECT
from tests.browser import PROGRAM

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium")

TEXT = (PROJECT / "docs" / "api.md").read_text()
CALL = "unmask(new File(['photo'], 'a.jpg')).then(String, (error) => error.message)"


@pytest.fixture
def example(page, fake):
    """Calls the service with the first example; gives what that returns, and its waits (ms)."""
    script = re.findall(r"^```js\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)[0]
    assert 'SERVICE = "http://localhost:8000"' in script
    script = script.replace("http://localhost:8000", fake.url.rstrip("/"))
    wait = "(act, ms) => (waits.push(ms), go(act, 0))"

    def call():
        return page.run(
            f"(async () => {{ const waits = [], go = window.setTimeout, setTimeout = {wait};"
            f"{script}; return [await {CALL}, waits]; }})()"
        )

    return call


def test_it_waits_as_a_503_says_and_sends_the_form_again(example, fake):
    fake.full_for = 2
    answer, (first, second) = example()

    assert answer.startswith("blob:")
    assert 1000 <= first <= 2000
    assert 2000 <= second <= 4000
    assert fake.forms == [{"photo": "a.jpg"}] * 3


def test_it_gives_up_after_some_tries(example, fake):
    fake.full_for = 9
    answer, waits = example()

    assert answer == "Too many requests at once."
    assert (len(fake.forms), len(waits)) == (4, 3)


def test_it_says_what_was_refused(example, fake):
    fake.refused = {"/v1/unmask"}
    answer, waits = example()

    assert answer == "The mask is black."
    assert waits == []
