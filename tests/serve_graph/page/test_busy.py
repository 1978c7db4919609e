"""What the page does when the service is full, or would refuse a file for its size."""

import pytest

from tests.browser import PROGRAM
from tests.serve_graph.page.acts import consent_to, focused, problem, status

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium")

NO_WAIT = """
window.waits = [];
const wait = window.setTimeout;
window.setTimeout = (act, ms) => { window.waits.push(ms); return wait(act, 0); };
"""


def begin(page, photo):
    page.choose("#photo", photo)
    page.press("#go")


def test_a_full_service_is_asked_again_ever_later(page, fake, photos):
    page.run(NO_WAIT)
    fake.full_for = 3
    begin(page, photos[0])
    page.wait_for("!document.querySelector('#result').hidden")
    waits = page.run("window.waits")

    assert len(fake.forms) == 4
    for wait, told in zip(waits, (1000, 2000, 4000), strict=True):
        assert told <= wait <= 2 * told


def test_a_service_that_stays_full_is_told_in_the_end(page, fake, photos):
    page.run(NO_WAIT)
    fake.full_for = 9
    begin(page, photos[0])
    page.wait_for("!document.querySelector('#problem').hidden")

    assert len(fake.forms) == 4
    assert page.run("document.querySelector('#problem-title').textContent") == "The service is full"


def test_who_waits_for_a_place_is_told_and_may_cancel(page, fake, photos):
    page.run("window.setTimeout = () => 0")  # the wait never ends
    fake.full_for = 1
    begin(page, photos[0])
    page.wait_for("document.querySelector('#status').textContent.startsWith('Busy')")
    page.press("#cancel")

    assert status(page) == "Cancelled."
    assert focused(page) == "go"
    assert len(fake.forms) == 1


@pytest.mark.parametrize("role", ["photo", "reference"])
def test_a_file_that_is_too_large_is_refused_before_the_upload(tab, fake, photos, role):
    fake.info = {"limits": {"max_bytes": 1_500_000}}
    tab.open(fake.url)
    small, large = photos
    large.write_bytes(bytes(1_600_000))
    if role == "reference":
        consent_to(tab, large)
    begin(tab, large if role == "photo" else small)

    title, detail = problem(tab)

    assert title == "b.jpg is too large"
    assert detail == "It has 1.6 MB, but a picture may have 1.5 MB: choose a smaller one."
    assert not fake.forms
