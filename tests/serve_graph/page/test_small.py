"""The page on a phone."""

import pytest

from tests.browser import PROGRAM
from tests.fake_service import picture
from tests.serve_graph.page.acts import consent_to, finish

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium")

SQUARE = (800, 800)  # px


@pytest.fixture
def shrink(page):
    def shrink_to(width, height):
        size = {"width": width, "height": height}
        page.send("Emulation.setDeviceMetricsOverride", deviceScaleFactor=1, mobile=True, **size)

    yield shrink_to
    page.send("Emulation.clearDeviceMetricsOverride")


@pytest.fixture
def square(tmp_path):
    path = tmp_path / "square.jpg"
    path.write_bytes(picture(128, SQUARE))
    return path


def test_the_answer_and_its_buttons_are_seen_without_scrolling(page, fake, square, shrink):
    shrink(390, 844)
    finish(page, fake, square)
    page.wait_for("document.querySelector('#before').height > 300")
    for one in ("status", "download", "more"):
        box = page.run(f"document.querySelector('#{one}').getBoundingClientRect().toJSON()")
        assert box["top"] >= 0
        assert box["bottom"] <= 844


def test_nothing_is_wider_than_a_small_phone(page, fake, square, photos, shrink):
    shrink(320, 640)
    consent_to(page, photos[1].rename(photos[1].with_name(f"{60 * 'long'}.jpg")))
    finish(page, fake, square)
    page.press("#more")
    page.wait_for("document.querySelector('#more').offsetParent === null")

    assert page.run("document.documentElement.scrollWidth") <= 320
