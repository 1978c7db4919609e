"""The page in a browser, before a service whose answers the tests choose."""

import threading

import numpy as np
import pytest

from tests.browser import PROGRAM, browsing
from tests.fake_service import REFUSAL, FakeService, found_mask, picture

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium")

LARGE = (1200, 800)  # px; more than the window shows


@pytest.fixture
def fake():
    with FakeService() as server:
        threading.Thread(target=server.serve_forever).start()
        yield server
        server.may_answer.set()
        server.may_load.set()
        server.shutdown()


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    with browsing(tmp_path_factory.mktemp("chromium")) as page:
        yield page


@pytest.fixture
def page(tab, fake):
    tab.open(fake.url)
    return tab


@pytest.fixture
def photos(tmp_path):
    """Two files, a.jpg and b.jpg."""
    paths = [tmp_path / "a.jpg", tmp_path / "b.jpg"]
    for grey, path in enumerate(paths):
        path.write_bytes(picture(grey))
    return paths


def is_ticked(page):
    return page.run("document.querySelector('#consent').checked")


def focused(page):
    return page.run("new Promise(requestAnimationFrame).then(() => document.activeElement.id)")


def status(page):
    return page.run("document.querySelector('#status').textContent")


def consent_to(page, reference):
    page.choose("#reference", reference)
    page.run("document.querySelector('#consent').click()")
    assert is_ticked(page)


def start(page, fake, photo):
    """Begins a run that doesn't end until `fake.may_answer` is set."""
    fake.may_answer.clear()
    page.choose("#photo", photo)
    page.press("#go")
    page.wait_for("!document.querySelector('#cancel').hidden")


def finish(page, fake, photo):
    start(page, fake, photo)
    fake.may_answer.set()
    page.wait_for("!document.querySelector('#result').hidden")


def test_consent_ends_with_the_reference_that_it_was_given_for(page, photos):
    consent_to(page, photos[0])
    page.choose("#reference", photos[1])

    assert not is_ticked(page)


def test_consent_ends_when_the_reference_is_removed(page, photos):
    consent_to(page, photos[0])
    page.press("#reference-remove")
    page.choose("#reference", photos[0])

    assert not is_ticked(page)


def test_who_comes_back_has_chosen_nothing(page, fake, photos):
    consent_to(page, photos[0])
    page.open(f"{fake.url}static/style.css")
    page.run("window.isOld = true")
    page.run("history.back()")
    page.wait_until_loaded()

    assert page.run("document.querySelector('#reference').files.length") == 0
    assert not is_ticked(page)


def test_another_photo_during_a_run_is_told_and_nothing_else(page, fake, photos):
    start(page, fake, photos[0])
    page.choose("#photo", photos[1])
    page.wait_for("document.querySelector('#cancel').hidden")
    fake.may_answer.set()

    assert status(page).startswith("Photo chosen")
    assert page.run("document.querySelector('#problem').hidden")


def test_cancel_says_so_and_hands_its_focus_on(page, fake, photos):
    start(page, fake, photos[0])
    page.press("#cancel")

    assert status(page) == "Cancelled."
    assert focused(page) == "go"


def test_the_button_keeps_the_focus_during_a_run_and_starts_no_second_one(page, fake, photos):
    start(page, fake, photos[0])
    page.press("#go")

    assert focused(page) == "go"
    fake.may_answer.set()
    page.wait_for("!document.querySelector('#result').hidden")
    assert len(fake.forms) == 1


def test_remove_hands_its_focus_on(page, photos):
    page.choose("#reference", photos[0])
    page.press("#reference-remove")

    assert focused(page) == "reference"


def test_another_photo_hands_its_focus_on(page, fake, photos):
    finish(page, fake, photos[0])
    page.run("document.querySelector('#again').focus()")
    page.choose("#photo", photos[1])
    page.wait_for("document.querySelector('#again').hidden")

    assert focused(page) == "go"


def test_one_persons_face_goes_on_one_face(page, fake, photos):
    consent_to(page, photos[1])
    finish(page, fake, photos[0])

    assert fake.forms == [
        {
            "photo": "a.jpg",
            "expression": "auto",
            "reference": "b.jpg",
            "consent": "true",
            "faces": "largest",
        }
    ]


@pytest.mark.parametrize(
    ("finds", "words"), [(True, "has your lower face"), (False, "wears no mask")]
)
def test_of_the_other_faces_nothing_is_said_then(page, fake, photos, finds, words):
    fake.finds = finds
    consent_to(page, photos[1])
    finish(page, fake, photos[0])

    assert status(page).startswith(f"The largest face {words}")


def test_a_photo_that_is_chosen_before_the_script_is_there_counts(tab, fake, photos):
    fake.may_load.clear()
    tab.run("window.isOld = true")
    tab.send("Page.navigate", url=fake.url)
    tab.wait_for("!window.isOld && document.querySelector('#go') !== null")
    tab.choose("#photo", photos[0])
    tab.press("#go")  # sends nothing, and doesn't load the page anew
    fake.may_load.set()
    tab.wait_for("!document.querySelector('#preview').hidden")

    assert status(tab).startswith("Photo chosen")
    assert tab.run("location.search") == ""
    assert not tab.run("document.querySelector('#go').disabled")


def test_who_does_not_see_the_photo_hears_its_name(page, photos):
    page.choose("#photo", photos[0])

    assert "a.jpg" in page.run("document.querySelector('#photo').getAttribute('aria-label')")


def test_a_photo_that_is_gone_from_the_disk_is_to_be_chosen_again(page, fake, photos):
    page.choose("#photo", photos[0])
    page.wait_for("!document.querySelector('#preview').hidden")
    photos[0].unlink()
    page.press("#go")
    page.wait_for("!document.querySelector('#problem').hidden")

    assert page.run("document.querySelector('#problem-title').textContent") == "a.jpg can't be read"
    assert not fake.forms


def test_without_a_reference_all_faces_are_painted(page, fake, photos):
    finish(page, fake, photos[0])

    assert fake.forms == [{"photo": "a.jpg", "expression": "auto"}]


def mend(page, fake, photo):
    """Runs the photo and opens the canvas."""
    finish(page, fake, photo)
    page.wait_for("!document.querySelector('#mend').hidden")
    reopen(page)


def reopen(page):
    page.press("#mend")
    page.wait_for("document.querySelector('#mask').width > 0")


def paint_again(page, fake):
    """What the service gets as the mask, uint8 (H, W): white where to paint."""
    page.press("#go")
    page.wait_for("document.querySelector('#progress').hidden")
    mask = fake.masks[-1]
    assert (mask[..., 3] == 255).all()
    assert (mask[..., :3] == mask[..., :1]).all()
    assert set(np.unique(mask[..., 0])) <= {0, 255}
    return mask[..., 0]


def a_line(size, x0, x1, y):
    """A horizontal stroke of the brush as it is at first, uint8 (H, W); places are shares."""
    width, height = size
    brush = 0.08 * min(size)
    ys, xs = np.mgrid[:height, :width] + 0.5
    beside = np.maximum(0, np.maximum(x0 * width - xs, xs - x1 * width))
    return (np.hypot(beside, ys - y * height) <= brush / 2) * np.uint8(255)


def assert_alike(mask, expected):
    assert mask.shape == expected.shape
    assert (mask != expected).mean() < 0.005  # its rim may be a px off: the screen's px are larger


@pytest.fixture
def large(tmp_path):
    path = tmp_path / "large.jpg"
    path.write_bytes(picture(128, LARGE))
    return path


@pytest.mark.parametrize("finger", [False, True])
def test_a_stroke_is_white_at_its_place_in_the_photo(page, fake, large, finger):
    fake.finds = False
    mend(page, fake, large)
    page.drag("#mask", (0.6, 0.25), (0.7, 0.25), (0.9, 0.25), finger=finger)
    shown = page.run("document.querySelector('#mask').width")

    assert_alike(paint_again(page, fake), a_line(LARGE, 0.6, 0.9, 0.25))
    assert shown < LARGE[0]  # no more px than the screen shows
    assert fake.forms[-1] == {"photo": "large.jpg", "expression": "auto", "mask": "blob"}


def test_the_found_mask_and_a_stroke_fit_a_photo_that_was_taken_on_its_side(page, fake, tmp_path):
    photo = tmp_path / "turned.jpg"
    photo.write_bytes(picture(128, LARGE, orientation=6))
    upright = LARGE[::-1]
    mend(page, fake, photo)
    page.drag("#mask", (0.6, 0.25), (0.9, 0.25))
    boxes = [
        page.run(f"document.querySelector('#{one}').getBoundingClientRect().toJSON()")
        for one in ("mask", "easel-photo")
    ]

    assert boxes[0] == pytest.approx(boxes[1], abs=0.1)
    assert boxes[0]["width"] / boxes[0]["height"] == pytest.approx(2 / 3, abs=0.01)
    line = a_line(upright, 0.6, 0.9, 0.25)
    assert_alike(paint_again(page, fake), np.maximum(found_mask(upright), line))


def test_the_eraser_takes_found_mask_away_and_undo_brings_it_back(page, fake, large):
    mend(page, fake, large)
    page.run("document.querySelector('#eraser').click()")
    page.drag("#mask", (0.1, 0.75), (0.9, 0.75))
    erased = paint_again(page, fake)
    reopen(page)
    page.run("document.querySelector('#undo').click()")

    line = a_line(LARGE, 0.1, 0.9, 0.75)
    assert_alike(erased, np.where(line > 0, np.uint8(0), found_mask(LARGE)))
    np.testing.assert_array_equal(paint_again(page, fake), found_mask(LARGE))


@pytest.mark.parametrize("leave", ["Cancel", "Escape"])
def test_leaving_sends_nothing_and_keeps_the_drawing(page, fake, large, leave):
    mend(page, fake, large)
    page.drag("#mask", (0.6, 0.25), (0.9, 0.25))
    if leave == "Escape":
        page.escape()
    else:
        page.press("#cancel")

    assert focused(page) == "mend"
    assert page.run("!document.querySelector('#compare').hidden")
    assert len(fake.forms) == 1
    reopen(page)
    assert paint_again(page, fake)[200, 900] == 255


def test_another_photo_forgets_the_drawing(page, fake, large, photos):
    mend(page, fake, large)
    page.drag("#mask", (0.6, 0.25), (0.9, 0.25))
    page.choose("#photo", photos[0])
    page.wait_for("document.querySelector('#tools').hidden")
    mend(page, fake, photos[0])

    assert "mask" not in fake.forms[-1]
    np.testing.assert_array_equal(paint_again(page, fake), found_mask((60, 40)))


def test_what_was_mended_stays_so_with_another_expression(page, fake, large):
    mend(page, fake, large)
    page.drag("#mask", (0.6, 0.25), (0.9, 0.25))
    paint_again(page, fake)
    page.run("document.querySelector('#expression').value = 'smile'")
    paint_again(page, fake)

    assert fake.forms[-1]["expression"] == "smile"
    np.testing.assert_array_equal(*fake.masks)
    assert "where you drew" in status(page)


def test_no_stroke_is_taken_back_while_it_is_painted(page, fake, large):
    mend(page, fake, large)
    page.drag("#mask", (0.6, 0.25), (0.9, 0.25))
    fake.may_answer.clear()
    page.press("#go")
    page.wait_for("!document.querySelector('#progress').hidden")
    page.run("document.querySelector('#undo').click()")
    fake.may_answer.set()
    page.wait_for("document.querySelector('#progress').hidden")
    reopen(page)
    paint_again(page, fake)

    np.testing.assert_array_equal(*fake.masks)


def test_the_own_face_goes_where_was_drawn(page, fake, large, photos):
    consent_to(page, photos[1])
    mend(page, fake, large)
    paint_again(page, fake)

    assert fake.forms[1] == fake.forms[0] | {"mask": "blob"}


def test_a_found_mask_that_does_not_come_is_told_and_drawn_by_hand(page, fake, large):
    fake.refused = {"/v1/mask"}
    mend(page, fake, large)
    problem = page.run("document.querySelector('#problem-detail').textContent")
    page.drag("#mask", (0.6, 0.25), (0.9, 0.25))

    assert problem.startswith(REFUSAL["detail"])
    assert_alike(paint_again(page, fake), a_line(LARGE, 0.6, 0.9, 0.25))


def test_a_refused_mask_can_be_drawn_further(page, fake, large):
    mend(page, fake, large)
    fake.refused = {"/v1/unmask"}
    paint_again(page, fake)

    assert page.run("document.querySelector('#problem-detail').textContent") == REFUSAL["detail"]
    assert page.run("!document.querySelector('#tools').hidden")
    assert focused(page) == "go"


def test_a_photo_that_is_not_shown_cannot_be_mended(page, fake, tmp_path):
    photo = tmp_path / "a.heic"
    photo.write_bytes(b"not for this browser")
    finish(page, fake, photo)
    page.wait_for("document.querySelector('#compare').classList.contains('only-after')")

    assert page.run("document.querySelector('#mend').hidden")


def test_a_photo_that_the_browser_turns_otherwise_cannot_be_mended(page, fake, tmp_path):
    photo = tmp_path / "turned.jpg"
    photo.write_bytes(picture(128, LARGE, orientation=6))
    fake.turns = False
    finish(page, fake, photo)
    page.wait_for("document.querySelector('#compare').classList.contains('only-after')")

    assert page.run("document.querySelector('#mend').hidden")


@pytest.mark.parametrize("orientation", [3, 6])
def test_a_webp_that_the_browser_does_not_turn_is_shown_after_only(
    page, fake, tmp_path, orientation
):
    photo = tmp_path / "turned.webp"
    photo.write_bytes(picture(128, LARGE, orientation, "WEBP"))
    finish(page, fake, photo)
    page.wait_for("document.querySelector('#compare').classList.contains('only-after')")

    assert page.run("document.querySelector('#mend').hidden")
