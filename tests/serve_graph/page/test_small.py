"""The page on a phone."""

import pytest

from tests.browser import PROGRAM
from tests.fake_service import picture
from tests.serve_graph.page.acts import consent_to, cut, finish, start

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


def box_of(page, selector):
    return page.run(f"document.querySelector('{selector}').getBoundingClientRect().toJSON()")


@pytest.mark.parametrize("size", [(360, 640), (390, 844)])
def test_with_a_photo_the_button_is_seen_without_scrolling(page, square, shrink, size):
    shrink(*size)
    page.choose("#photo", square)
    page.wait_for("document.querySelector('#preview').height > 300")

    status, button = box_of(page, "#status"), box_of(page, "#go")
    assert status["bottom"] <= button["top"]
    assert button["bottom"] <= size[1]


def test_the_button_covers_nothing_that_is_focused(page, square, shrink):
    shrink(360, 640)
    page.choose("#photo", square)
    page.wait_for("document.querySelector('#preview').height > 300")
    for one in ("#own-face summary", "#expression", "#pick"):
        page.run("scrollTo(0, 0)")
        page.run(f"document.querySelector('{one}').focus()")
        assert box_of(page, one)["bottom"] <= box_of(page, "#acts")["top"]


@pytest.mark.parametrize("top", [0, 10_000])
def test_while_it_works_a_phone_shows_what_how_far_and_a_way_out(page, fake, square, shrink, top):
    shrink(360, 640)
    page.choose("#photo", square)
    page.wait_for("document.querySelector('#preview').height > 300")
    page.run("document.querySelector('#own-face').open = true")
    page.run(f"scrollTo(0, {top})")
    start(page, fake, square)
    page.wait_for("document.querySelector('#elapsed').textContent !== ''")

    for one in ("#status", "#progress", "#cancel"):
        assert box_of(page, one)["top"] >= 0
        assert box_of(page, one)["bottom"] <= 640


def test_two_fingers_may_enlarge_the_result_and_the_second_moves_nothing(
    page, fake, square, shrink
):
    shrink(390, 844)
    finish(page, fake, square)
    page.wait_for("document.querySelector('#before').height > 300")
    box = box_of(page, "#compare")
    fingers = [
        {"x": box["x"] + share * box["width"], "y": box["y"] + 99, "id": number}
        for number, share in enumerate((0.25, 0.75))
    ]
    page.send("Input.dispatchTouchEvent", type="touchStart", touchPoints=fingers[:1])
    page.send("Input.dispatchTouchEvent", type="touchStart", touchPoints=fingers)
    page.send("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    assert cut(page) == pytest.approx(25, abs=0.5)
    style = "getComputedStyle(document.querySelector('#compare'))"
    assert "pinch-zoom" in page.run(f"{style}.touchAction")


def test_nothing_is_wider_than_a_small_phone(page, fake, square, photos, shrink):
    shrink(320, 640)
    consent_to(page, photos[1].rename(photos[1].with_name(f"{60 * 'long'}.jpg")))
    finish(page, fake, square)
    page.press("#more")
    page.wait_for("document.querySelector('#more').offsetParent === null")

    assert page.run("document.documentElement.scrollWidth") <= 320
