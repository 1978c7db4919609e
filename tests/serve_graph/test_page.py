"""The page in a browser, before a service whose answers the tests choose."""

import base64
import io
import json
import threading
from contextlib import suppress
from email import message_from_bytes
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from PIL import Image as PilImage

from serve_graph.api.app import WEB
from tests.browser import PROGRAM, TIMEOUT_S, browsing

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium")


def picture(grey):
    out = io.BytesIO()
    PilImage.new("RGB", (60, 40), (grey, grey, grey)).save(out, "JPEG")
    return out.getvalue()


class FakeService(ThreadingHTTPServer):
    """Serves the page, and answers each call with a face that was changed once it may."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.forms = []  # of each call, by field; files by their names
        self.may_answer = threading.Event()
        self.may_answer.set()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/"


class Handler(SimpleHTTPRequestHandler):
    def translate_path(self, path):
        return str(WEB / (path.removeprefix("/static/").lstrip("/") or "index.html"))

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        parts = message_from_bytes(head + body).get_payload()
        self.server.forms.append(
            {
                part.get_param("name", header="content-disposition"): part.get_filename()
                or part.get_payload().strip()
                for part in parts
            }
        )
        self.server.may_answer.wait(TIMEOUT_S)
        result = {"media_type": "image/jpeg", "base64": base64.b64encode(picture(90)).decode()}
        answer = {"faces": [{"changed": True}], "painted": result, "swapped": result}
        with suppress(BrokenPipeError):  # the page has cancelled
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_): ...


@pytest.fixture
def fake():
    with FakeService() as server:
        threading.Thread(target=server.serve_forever).start()
        yield server
        server.may_answer.set()
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


def test_without_a_reference_all_faces_are_painted(page, fake, photos):
    finish(page, fake, photos[0])

    assert fake.forms == [{"photo": "a.jpg", "expression": "auto"}]
