"""Drawing over the mask that was found."""

import numpy as np
import pytest

from tests.browser import PROGRAM
from tests.fake_service import REFUSAL, found_mask, picture
from tests.serve_graph.page.acts import consent_to, finish, focused, problem, status

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium")

LARGE = (1200, 800)  # px; larger than the window


def mend(page, fake, photo):
    """Runs the photo and opens the canvas."""
    finish(page, fake, photo)
    page.wait_for("!document.querySelector('#mend').hidden")
    reopen(page)


def hindrance(page):
    """Why the mask can't be edited, as it is seen; empty if nothing is said."""
    note = "document.querySelector('#hindrance')"
    return page.run(f"{note}.checkVisibility() ? {note}.textContent : ''")


def reopen(page):
    page.press("#mend")
    page.wait_for("document.querySelector('#mask').width > 0")


def paint_again(page, fake):
    """The mask that the service receives, uint8 (H, W): white where to paint."""
    page.press("#go")
    page.wait_for("document.querySelector('#progress').hidden")
    mask = fake.masks[-1]
    assert (mask[..., 3] == 255).all()
    assert (mask[..., :3] == mask[..., :1]).all()
    assert set(np.unique(mask[..., 0])) <= {0, 255}
    return mask[..., 0]


def a_line(size, x0, x1, y):
    """A horizontal stroke of the brush at its first size, uint8 (H, W); positions are shares."""
    width, height = size
    brush = 0.08 * min(size)
    ys, xs = np.mgrid[:height, :width] + 0.5
    beside = np.maximum(0, np.maximum(x0 * width - xs, xs - x1 * width))
    return (np.hypot(beside, ys - y * height) <= brush / 2) * np.uint8(255)


def assert_alike(mask, expected):
    assert mask.shape == expected.shape
    assert (mask != expected).mean() < 0.005  # the rim may be a px off: the screen's px are larger


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
    assert shown < LARGE[0]  # no more px than the screen has
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


@pytest.mark.parametrize("control", ["brush", "eraser", "brush-size"])
def test_enter_on_a_tool_starts_nothing(page, fake, large, control):
    mend(page, fake, large)
    page.press(f"#{control}")

    assert page.run("document.querySelector('#cancel').hidden")
    assert len(fake.forms) == 1


@pytest.mark.parametrize("leave", ["Cancel", "Escape"])
def test_leaving_sends_nothing_and_keeps_the_drawing(page, fake, large, leave):
    mend(page, fake, large)
    page.drag("#mask", (0.6, 0.25), (0.9, 0.25))
    if leave == "Escape":
        page.escape()
    else:
        page.press("#leave")

    assert focused(page) == "mend"
    assert page.run("!document.querySelector('#compare').hidden")
    assert len(fake.forms) == 1
    reopen(page)
    assert paint_again(page, fake)[200, 900] == 255


HOLD_NEXT_PICTURE = """
const make = window.createImageBitmap;
window.createImageBitmap = async (...given) => {
  window.createImageBitmap = make;
  const picture = await make(...given);
  await new Promise((done) => (window.release = done));
  return picture;
};
"""


def test_the_canvas_fits_its_last_size_even_if_an_earlier_fit_ends_later(page, fake, large):
    shown = "document.querySelector('#mask').getBoundingClientRect().width"
    is_fit = f"document.querySelector('#mask').width === Math.round({shown})"
    mend(page, fake, large)
    page.run(HOLD_NEXT_PICTURE)
    page.run("document.querySelector('#stage').style.width = '200px'")
    page.wait_for("window.release !== undefined")
    page.run("document.querySelector('#stage').style.width = '300px'")
    page.wait_for(f"{shown} > 200 && {is_fit}")
    page.run("window.release()")
    page.run("new Promise(requestAnimationFrame)")

    assert page.run(is_fit)


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


def test_a_found_mask_that_does_not_come_is_fetched_again(page, fake, large):
    fake.refused = {"/v1/mask"}
    finish(page, fake, large)
    page.wait_for("!document.querySelector('#mend').hidden")
    page.press("#mend")
    page.wait_for("!document.querySelector('#problem').hidden")
    problem = page.run("document.querySelector('#problem-detail').textContent")
    is_open = page.run("!document.querySelector('#tools').hidden")
    fake.refused = set()
    reopen(page)

    assert problem.startswith(REFUSAL["detail"])
    assert not is_open  # an empty canvas would lose the found mask
    np.testing.assert_array_equal(paint_again(page, fake), found_mask(LARGE))


def test_where_no_mask_was_found_none_must_come(page, fake, large):
    fake.finds, fake.refused = False, {"/v1/mask"}
    mend(page, fake, large)
    page.drag("#mask", (0.6, 0.25), (0.9, 0.25))

    assert_alike(paint_again(page, fake), a_line(LARGE, 0.6, 0.9, 0.25))


@pytest.mark.parametrize(
    ("per_cent", "words"),
    [
        (None, ["Nothing is drawn yet", "Brush over the mask first."]),
        (400, ["Everything is drawn over", "Erase what isn't hidden by the mask."]),
    ],
)
def test_who_has_drawn_nothing_or_everything_hears_so_before_any_call(
    page, fake, large, per_cent, words
):
    fake.finds = False
    mend(page, fake, large)
    if per_cent:
        size = "document.querySelector('#brush-size')"
        page.run(f"{size}.max = {per_cent}; {size}.value = {per_cent}")
        page.drag("#mask", (0.4, 0.5), (0.6, 0.5))
    page.press("#go")

    assert problem(page) == words
    assert len(fake.forms) == 1
    assert page.run("!document.querySelector('#tools').hidden")


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
    assert hindrance(page).endswith("So there is no “before” here, and the mask can't be edited.")


def test_of_another_photo_nothing_is_said_then(page, fake, large, tmp_path):
    (tmp_path / "a.heic").write_bytes(b"not for this browser")
    finish(page, fake, tmp_path / "a.heic")
    page.wait_for("document.querySelector('#compare').classList.contains('only-after')")
    finish(page, fake, large)
    page.wait_for("!document.querySelector('#mend').hidden")

    assert hindrance(page) == ""


def test_a_photo_that_the_browser_turns_otherwise_cannot_be_mended(page, fake, tmp_path):
    photo = tmp_path / "turned.jpg"
    photo.write_bytes(picture(128, LARGE, orientation=6))
    fake.turns = False
    finish(page, fake, photo)
    page.wait_for("document.querySelector('#compare').classList.contains('only-after')")

    assert page.run("document.querySelector('#mend').hidden")
    assert hindrance(page).endswith("So there is no “before” here, and the mask can't be edited.")


@pytest.mark.parametrize("orientation", [3, 6])
def test_a_webp_that_the_browser_does_not_turn_is_shown_after_only(
    page, fake, tmp_path, orientation
):
    photo = tmp_path / "turned.webp"
    photo.write_bytes(picture(128, LARGE, orientation, "WEBP"))
    finish(page, fake, photo)
    page.wait_for("document.querySelector('#compare').classList.contains('only-after')")

    assert page.run("document.querySelector('#mend').hidden")
    assert hindrance(page).endswith("So there is no “before” here, and the mask can't be edited.")
