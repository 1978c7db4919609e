"""A browser with the page, and a service behind it whose answers the tests choose."""

import threading

import pytest

from tests.browser import browsing
from tests.fake_service import FakeService, picture


@pytest.fixture
def fake():
    with FakeService() as server:
        # Its end comes with the next poll, by default half a second later.
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}).start()
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
