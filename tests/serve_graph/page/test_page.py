"""Choosing photos, running and cancelling."""

import pytest

from serve_graph.settings import ApiSettings
from tests.browser import PROGRAM
from tests.serve_graph.page.acts import (
    consent_to,
    cut,
    finish,
    focused,
    is_ticked,
    problem,
    start,
    status,
)

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium")


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
    page.run("setTimeout(() => history.back())")  # else the answer may go with the page
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


def test_the_clock_stops_when_its_task_is_cancelled(page, photos):
    page.run(
        "const every = setInterval;"
        "window.setInterval = (act, _, ...given) => every(act, 1, ...given);"
        "Blob.prototype.arrayBuffer = () => new Promise(() => {});"  # the task never ends
    )
    page.choose("#photo", photos[0])
    page.press("#pick")
    page.wait_for("document.querySelector('#elapsed').textContent !== ''")
    page.press("#cancel")

    assert (
        page.run(
            "new Promise((done) => setTimeout(done, 50))"
            ".then(() => document.querySelector('#elapsed').textContent)"
        )
        == ""
    )


def test_what_is_said_first_is_announced_and_takes_no_room_before(page):
    root = page.send("DOM.getDocument")["root"]["nodeId"]
    found = page.send("Accessibility.queryAXTree", nodeId=root, role="status")["nodes"]
    height = page.run("document.querySelector('#form').offsetHeight")
    page.run("document.querySelector('#status').hidden = true")

    assert [node["ignored"] for node in found] == [False]
    assert page.run("document.querySelector('#form').offsetHeight") == height


def test_remove_hands_its_focus_on(page, photos):
    page.choose("#reference", photos[0])
    page.press("#reference-remove")

    assert focused(page) == "reference"


def test_another_photo_is_offered_as_soon_as_there_is_one(page, photos):
    before = page.run("document.querySelector('#again').hidden")
    page.choose("#photo", photos[0])
    page.wait_for("!document.querySelector('#again').hidden")

    assert before


def test_another_photo_is_offered_after_a_refusal(page, fake, photos):
    fake.refused = {"/v1/unmask"}
    page.choose("#photo", photos[0])
    page.press("#go")
    page.wait_for("!document.querySelector('#problem').hidden")
    page.wait_for("!document.querySelector('#again').hidden")


def test_another_photo_leaves_the_focus_where_it_was(page, fake, photos):
    finish(page, fake, photos[0])
    page.run("document.querySelector('#again').focus()")
    page.choose("#photo", photos[1])
    page.wait_for("document.querySelector('#compare').hidden")

    assert focused(page) == "again"


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
    ("finds", "swaps", "words"),
    [
        (True, True, "has your lower face"),
        (True, False, "was painted without yours"),
        (False, False, "wears no mask"),
    ],
)
def test_of_the_other_faces_nothing_is_said_then(page, fake, photos, finds, swaps, words):
    fake.finds, fake.swaps = finds, swaps
    consent_to(page, photos[1])
    finish(page, fake, photos[0])

    assert status(page).startswith(f"The largest face {words}")


def test_a_photo_that_is_chosen_before_the_script_is_there_counts(tab, fake, photos):
    fake.may_load.clear()
    tab.run("window.isOld = true")
    tab.send("Page.navigate", url=fake.url)
    tab.wait_for("!window.isOld && document.querySelector('#go') !== null")
    tab.choose("#photo", photos[0])
    tab.press("#go")  # sends nothing and doesn't reload the page
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


def test_each_call_may_take_as_long_as_the_operator_allows(page, fake, photos):
    finish(page, fake, photos[0])
    page.wait_for("!document.querySelector('#mend').hidden")
    page.press("#mend")
    page.wait_for("document.querySelector('#mask').width > 0")

    assert len(fake.times_ms) == 2
    assert min(fake.times_ms) >= 1000 * ApiSettings().max_timeout_s  # the service caps it


def test_a_bare_face_is_shown_alone_and_its_mask_can_be_drawn(page, fake, photos):
    fake.finds = False
    finish(page, fake, photos[0])
    page.wait_for("!document.querySelector('#mend').hidden")

    assert not page.run("document.querySelector('#download').checkVisibility()")
    assert not page.run("document.querySelector('#cut').checkVisibility()")
    assert page.run("document.querySelector('#mend').className") == "main"


def test_the_example_is_a_photo_like_any_other(page, fake):
    page.press("#example")
    page.wait_for("!document.querySelector('#preview').hidden")
    page.press("#go")
    page.wait_for("!document.querySelector('#result').hidden")

    assert fake.forms == [{"photo": "example.jpg", "expression": "auto"}]
    assert page.run("document.querySelector('#example').hidden")


def test_the_example_hands_its_focus_on(page):
    page.press("#example")
    page.wait_for("!document.querySelector('#preview').hidden")

    assert focused(page) == "go"


def test_at_first_each_changed_face_is_seen_changed(page, fake, photos):
    fake.boxes, fake.bare = {0: (30, 5, 50, 35), 1: (18, 10, 28, 22), 2: (2, 10, 12, 22)}, {2}
    finish(page, fake, photos[0])

    assert cut(page) == pytest.approx(100 * (18 - 1) / 60, abs=0.1)


def test_a_face_at_the_left_edge_is_seen_changed(page, fake, photos):
    fake.boxes = {0: (-10, 5, 25, 25)}
    finish(page, fake, photos[0])

    assert cut(page) == 0


DROP = """
const transfer = new DataTransfer();
transfer.items.add(new File([await (await fetch('static/example.jpg')).blob()], 'dropped.jpg'));
const how = { bubbles: true, cancelable: true, dataTransfer: transfer };
const lit = ['dragover', 'drop'].map((type) => {
  zone.dispatchEvent(new DragEvent(type, how));
  return ['stage', 'reference-drop'].filter((id) =>
    document.getElementById(id).classList.contains('over'));
});
return lit;
"""


@pytest.mark.parametrize("zone", ["h1", "#drop", "footer"])
def test_a_file_that_is_dropped_anywhere_is_the_photo(page, fake, zone):
    lit = page.run(f"(async (zone) => {{{DROP}}})(document.querySelector('{zone}'))")
    page.press("#go")
    page.wait_for("!document.querySelector('#result').hidden")

    assert lit == [["stage"], []]
    assert fake.forms == [{"photo": "dropped.jpg", "expression": "auto"}]


def test_a_file_that_is_dropped_on_the_own_face_is_not_the_photo(page):
    page.run("document.querySelector('#own-face').open = true")
    zone = "document.querySelector('#reference-name')"
    lit = page.run(f"(async (zone) => {{{DROP}}})({zone})")

    assert lit == [["reference-drop"], []]
    assert page.run(f"{zone}.textContent") == "dropped.jpg"
    assert page.run("document.querySelector('#preview').hidden")


@pytest.mark.parametrize(
    ("detail", "words"),
    [
        ("The reference photo shows no face.", "It shows no face."),
        ("The face in the reference photo wears a mask: …", "The face in it wears a mask: …"),
    ],
)
def test_who_sent_their_own_face_hears_of_it_in_the_pages_words(page, fake, photos, detail, words):
    fake.refused = {"/v1/unmask"}
    fake.refusal = {
        "type": "/problems/bad-reference",
        "title": "…",
        "detail": detail,
        "status": 422,
    }
    consent_to(page, photos[1])
    page.choose("#photo", photos[0])
    page.press("#go")

    assert problem(page) == ["The photo of your own face can't be used", words]


def test_nothing_that_the_page_does_is_against_its_policy(tab, fake, photos):
    note = "(event) => violations.push(event.blockedURI)"
    note = f"window.violations = []; addEventListener('securitypolicyviolation', {note})"
    added = tab.send("Page.addScriptToEvaluateOnNewDocument", source=note)
    tab.open(fake.url)
    tab.send("Page.removeScriptToEvaluateOnNewDocument", **added)
    consent_to(tab, photos[1])
    finish(tab, fake, photos[0])
    tab.press("#more")
    tab.wait_for("document.querySelectorAll('#choices canvas').length === 5")
    tab.press("#mend")
    tab.wait_for("document.querySelector('#mask').width > 0")
    tab.drag("#mask", (0.6, 0.25), (0.9, 0.25))
    tab.press("#go")
    tab.wait_for("!document.querySelector('#compare').hidden")

    assert tab.run("violations") == []
    tab.run("document.body.append(Object.assign(new Image(), {src: 'http://127.0.0.2/'}))")
    tab.wait_for("violations.length === 1")


def test_a_phone_shares_what_is_shown(page, fake, photos):
    page.run(
        "window.matchMedia = () => ({matches: true}); navigator.canShare = () => true;"
        "navigator.share = async ({files: [file]}) => { window.shared = file.name; }"
    )
    finish(page, fake, photos[0])
    page.press("#share")
    page.wait_for("window.shared !== undefined")

    assert page.run("window.shared") == "a-unmasked.jpg"
