"""Uploads stay in memory."""

import threading
import time
from pathlib import Path

import httpx
import pytest

from tests.portrait import bare_portrait, to_jpeg
from tests.serving import TIMEOUT_S

pytestmark = pytest.mark.serve

MEGABYTE = 1_000_000
CHUNK = 65_536
PAUSE_S = 1.0  # before the last bytes, when everything else has been received


@pytest.fixture
def seen_files(service):
    """Collects what is in the temp folder, including files without a name."""
    seen, ended = set(), threading.Event()

    def watch():
        while not ended.is_set():
            seen.update(str(path) for path in service.spool.rglob("*"))
            seen.update(_open_files(service.spool))
            time.sleep(0.02)

    watcher = threading.Thread(target=watch)
    watcher.start()
    yield seen
    ended.set()
    watcher.join()


def _open_files(folder):
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            target = str(link.readlink())
        except OSError:
            continue
        if target.startswith(str(folder)):
            yield target


def slowly(body):
    for start in range(0, len(body) - CHUNK, CHUNK):
        yield body[start : start + CHUNK]
    time.sleep(PAUSE_S)
    yield body[start + CHUNK :]


@pytest.mark.parametrize("megabytes", [1, 5, 20])
def test_an_upload_leaves_nothing_in_the_temp_folder(service, seen_files, megabytes):
    photo = to_jpeg(bare_portrait())
    photo += bytes(megabytes * MEGABYTE - len(photo))  # anything may follow a JPEG
    request = httpx.Request("POST", service.url, files={"photo": photo})

    answer = httpx.post(
        service.url + "/v1/faces",
        content=slowly(request.read()),
        headers={"Content-Type": request.headers["Content-Type"]},
        timeout=TIMEOUT_S,
    )

    assert answer.status_code == 200
    assert seen_files == set()
