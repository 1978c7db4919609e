"""Other guesses, and choosing the faces to edit."""

import pytest

from tests.browser import PROGRAM
from tests.fake_service import picture
from tests.serve_graph.page.acts import consent_to, cut, finish, focused, status

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium")

GROUP = {0: (30, 5, 55, 35), 2: (2, 10, 12, 22)}  # the second is further left; 1 was doubtful


def guess(page, fake, photo):
    finish(page, fake, photo)
    page.press("#more")
    page.wait_for("!document.querySelector('#choice').hidden")


def pick(page, fake, photo, *faces):
    """Opens a photo's faces and presses these, counted from the left."""
    fake.boxes = GROUP
    page.choose("#photo", photo)
    page.press("#pick")
    page.wait_for("!document.querySelector('#picker').hidden")
    for face in faces:
        page.press(f"#faces button:nth-child({face})")


def paint(page):
    page.press("#go")
    page.wait_for("!document.querySelector('#result').hidden")


def test_other_guesses_are_asked_for_and_one_is_downloaded(page, fake, photos):
    guess(page, fake, photos[0])
    page.run("document.querySelector('#choices label:nth-child(3) input').click()")

    assert fake.forms[-1] == fake.forms[0] | {"candidates": "4"}
    assert page.run("document.querySelectorAll('#choices canvas').length") == 4
    assert page.run("document.querySelector('#download').download") == "a-unmasked-3.jpg"
    assert page.run(
        "document.querySelector('#after').src === document.querySelector('#download').href"
    )


NOTE_PICTURES_AND_TASKS = """
window.order = [];
window.File = class extends File {
  constructor(...given) {
    super(...given);
    order.push('picture');
    setTimeout(() => order.push('task'));
  }
};
"""


def test_the_page_can_do_something_else_between_the_guesses(page, fake, photos):
    finish(page, fake, photos[0])
    page.run(NOTE_PICTURES_AND_TASKS)
    page.press("#more")
    page.wait_for("order.length === 8")

    assert page.run("order") == 4 * ["picture", "task"]


def test_an_older_browser_shows_the_picture_too(page, fake, photos):
    page.run("delete Uint8Array.fromBase64")
    finish(page, fake, photos[0])

    page.wait_for("document.querySelector('#after').naturalWidth === 60")


def test_a_chosen_guess_is_seen_on_all_changed_faces(page, fake, photos):
    fake.boxes, fake.bare = {0: (30, 5, 50, 35), 1: (18, 10, 28, 22), 2: (2, 10, 12, 22)}, {2}
    guess(page, fake, photos[0])
    page.drag("#compare", (0.9, 0.5), (0.8, 0.5))
    page.run("document.querySelector('#choices label:nth-child(3) input').click()")

    assert cut(page) == pytest.approx(100 * (18 - 1) / 60, abs=0.1)


def test_the_chosen_guess_is_marked_in_the_systems_colours_too(page, fake, photos):
    forced = {"name": "forced-colors", "value": "active"}
    page.send("Emulation.setEmulatedMedia", features=[forced])
    guess(page, fake, photos[0])
    outlines = page.run(
        "[...document.querySelectorAll('#choices label')]"
        ".map((one) => getComputedStyle(one).outlineStyle)"
    )
    page.send("Emulation.setEmulatedMedia", features=[])

    assert outlines == ["solid", "none", "none", "none"]


def test_enter_on_a_guess_starts_nothing(page, fake, photos):
    guess(page, fake, photos[0])
    page.press("#choices label:nth-child(3) input")

    assert page.run("document.querySelector('#cancel').hidden")
    assert len(fake.forms) == 2


def test_other_guesses_are_offered_once_an_answer(page, fake, photos):
    guess(page, fake, photos[0])

    assert not page.run("document.querySelector('#more').checkVisibility()")
    assert focused(page) == "go"


def test_the_own_face_comes_before_the_guess(page, fake, photos):
    consent_to(page, photos[1])
    finish(page, fake, photos[0])

    assert page.run("document.querySelector('#choices').innerText.split('\\n')") == [
        "My face",
        "Painted guess",
    ]
    assert page.run("document.querySelector('#download').download") == "a-my-face.jpg"


def test_the_chosen_faces_are_painted(page, fake, photos):
    pick(page, fake, photos[0], 1, 2)
    chosen = page.run("document.querySelector('#pick').textContent")
    paint(page)

    assert fake.forms[-1]["faces"] == "2,0"
    assert chosen == "2 of 2"
    assert status(page) == "2 faces chosen, 2 masks taken off."


def test_a_face_that_is_pressed_twice_is_not_chosen(page, fake, photos):
    pick(page, fake, photos[0], 1, 1)
    paint(page)

    assert "faces" not in fake.forms[-1]


def test_the_own_face_goes_on_the_one_that_was_pressed_last(page, fake, photos):
    consent_to(page, photos[1])
    pick(page, fake, photos[0], 1, 2)
    paint(page)

    assert fake.forms[-1]["faces"] == "0"
    assert status(page) == "The chosen face has your lower face."


def test_a_face_lies_under_its_button(page, fake, photos):
    pick(page, fake, photos[0])
    photo, face = (
        page.run(f"document.querySelector('{one}').getBoundingClientRect().toJSON()")
        for one in ("#picker-photo", "#faces button")
    )

    x0, y0, x1, _ = GROUP[2]
    assert (face["x"] - photo["x"]) / photo["width"] == pytest.approx(x0 / 60, abs=0.01)
    assert (face["y"] - photo["y"]) / photo["height"] == pytest.approx(y0 / 40, abs=0.01)
    assert face["right"] - photo["x"] >= photo["width"] * x1 / 60 - 1


def test_a_face_that_the_edge_cuts_off_has_its_button_inside_the_photo(page, fake, photos):
    fake.boxes = {0: (-10, -15, 20, 20), 1: (30, 10, 75, 60)}
    page.choose("#photo", photos[0])
    page.press("#pick")
    page.wait_for("!document.querySelector('#picker').hidden")
    photo, *faces = (
        page.run(f"document.querySelector('{one}').getBoundingClientRect().toJSON()")
        for one in ("#picker-photo", "#faces :nth-child(1)", "#faces :nth-child(2)")
    )

    for side in ("left", "top"):
        assert faces[0][side] == pytest.approx(photo[side], abs=0.5)
    for side in ("right", "bottom"):
        assert faces[1][side] == pytest.approx(photo[side], abs=0.5)


@pytest.mark.parametrize("box", [(20, -15, 45, 15), (40, 20, 75, 55), (-10, -10, 70, 50)])
def test_a_guess_of_a_face_that_the_edge_cuts_off_fills_its_picture(page, fake, photos, box):
    fake.boxes = {0: box}
    guess(page, fake, photos[0])
    canvas = "document.querySelector('#choices canvas')"
    pixels = f"{canvas}.getContext('2d').getImageData(0, 0, 128, 128).data"
    page.wait_for(f"{pixels}.some((value) => value > 0)")  # it is drawn

    assert page.run(f"{pixels}.every((value, at) => at % 4 < 3 || value === 255)")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.heic", b"\0\0\0\x18ftypheic", "can't show this kind of photo (HEIC)"),
        ("a.jpg", b"no picture", "can't show this photo."),
        ("a.webp", picture(128, orientation=6, kind="WEBP"), "may not rotate this photo"),
    ],
)
def test_who_cannot_see_the_photo_as_it_is_hears_so_before_any_call(
    page, fake, tmp_path, name, content, words
):
    fake.refused = {"/v1/mask"}  # a call would be told instead
    (tmp_path / name).write_bytes(content)
    page.choose("#photo", tmp_path / name)
    page.press("#pick")
    page.wait_for("!document.querySelector('#problem').hidden")
    title, detail = page.run("document.querySelector('#problem').innerText").split("\n")

    assert title == "Faces can't be chosen here"
    assert words in detail
    assert detail.endswith("can't be edited here either. The other tools still work.")


def test_faces_of_a_photo_that_the_browser_turns_otherwise_cannot_be_chosen(page, fake, tmp_path):
    fake.turns, fake.boxes = False, GROUP
    (tmp_path / "turned.jpg").write_bytes(picture(128, orientation=6))
    page.choose("#photo", tmp_path / "turned.jpg")
    page.press("#pick")
    page.wait_for("!document.querySelector('#problem').hidden")

    detail = page.run("document.querySelector('#problem-detail').textContent")
    assert detail.startswith("This browser may not rotate this photo")


def test_the_faces_of_a_photo_that_has_gone_are_not_sought(page, photos):
    page.choose("#photo", photos[0])
    page.wait_for("!document.querySelector('#preview').hidden")
    photos[0].unlink()
    page.press("#pick")
    page.wait_for("!document.querySelector('#problem').hidden")

    assert page.run("document.querySelector('#problem-title').textContent") == "a.jpg can't be read"


def test_the_size_of_another_photo_says_nothing_of_this_one(page, fake, photos, tmp_path):
    (tmp_path / "tall.jpg").write_bytes(picture(128, (40, 60)))
    pick(page, fake, photos[0])
    pick(page, fake, tmp_path / "tall.jpg")


def test_leaving_the_faces_hands_the_focus_on_and_keeps_the_choice(page, fake, photos):
    pick(page, fake, photos[0], 2)
    page.escape()

    assert focused(page) == "pick"
    assert page.run("!document.querySelector('#drop').hidden")
    assert page.run("document.querySelector('#pick').textContent") == "1 of 2"


def test_another_photo_has_other_faces(page, fake, photos):
    pick(page, fake, photos[0], 2)
    page.choose("#photo", photos[1])
    page.wait_for("document.querySelector('#picker').hidden")
    paint(page)

    assert "faces" not in fake.forms[-1]


def count_faces(page):
    """How many faces are offered."""
    page.press("#pick")
    page.wait_for("!document.querySelector('#picker').hidden")
    return page.run("document.querySelectorAll('#faces button').length")


def during_a_run(page, fake, act):
    fake.may_answer.clear()
    page.press("#go")
    page.wait_for("!document.querySelector('#cancel').hidden")
    act()
    fake.may_answer.set()
    page.wait_for("!document.querySelector('#result').hidden")


def test_after_an_answer_about_chosen_faces_all_are_offered(page, fake, photos):
    fake.boxes = GROUP | {3: (20, 5, 28, 20)}
    page.choose("#photo", photos[0])
    assert count_faces(page) == 3
    for face in (1, 2):
        page.press(f"#faces button:nth-child({face})")
    during_a_run(page, fake, lambda: page.choose("#reference", photos[1]))

    assert status(page) == "2 faces chosen, 2 masks taken off."
    assert count_faces(page) == 3


def test_no_other_faces_are_chosen_while_some_are_painted(page, fake, photos):
    pick(page, fake, photos[0], 1)
    inert = []
    during_a_run(
        page, fake, lambda: inert.append(page.run("document.querySelector('#picking').inert"))
    )

    assert inert == [True]
    assert not page.run("document.querySelector('#picking').inert")


def test_after_a_drawn_mask_all_faces_are_offered(page, fake, photos):
    fake.boxes, fake.drawn_on = GROUP, [0]
    finish(page, fake, photos[0])
    page.wait_for("!document.querySelector('#mend').hidden")
    page.press("#mend")
    page.wait_for("document.querySelector('#mask').width > 0")
    page.press("#go")
    page.wait_for("!document.querySelector('#result').hidden")

    assert status(page) == "1 face found, 1 painted where you drew."
    assert count_faces(page) == 2


def test_of_a_bare_face_there_are_no_other_guesses(page, fake, photos):
    finish(page, fake, photos[0])
    fake.finds = False
    page.press("#more")
    page.wait_for("document.querySelector('#progress').hidden")

    assert status(page) == "1 face found, but no mask: the photo is unchanged."


def test_of_a_lone_face_there_is_nothing_to_choose(page, photos):
    page.choose("#photo", photos[0])
    page.press("#pick")
    page.wait_for("document.querySelector('#status').textContent.startsWith('There is only')")

    assert page.run("document.querySelector('#picker').hidden")
    assert focused(page) == "go"  # the button is gone
