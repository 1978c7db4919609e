"""Runs Locust against a small server that counts faces rightly or wrongly."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from loadtest.photos import SCENES, dimensions

LOCUSTFILE = Path(__file__).resolve().parents[2] / "loadtest" / "locustfile.py"
Answer = tuple[int, int | None]  # status, number of faces; None: no JSON


def right(faces: int) -> Answer:
    return 200, faces


def one_too_many(faces: int) -> Answer:
    return 200, faces + 1


def busy(faces: int) -> Answer:
    return 503, faces


def nonsense(_faces: int) -> Answer:
    return 200, None


@contextmanager
def serving(
    answer: Callable[[int], Answer], swapped: dict[str, str] | None = None
) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            file_name = re.search(rb'filename="(.+?)\.jpg"', body)[1].decode()
            scene = next(one for one in SCENES if one.name == file_name)
            status, faces = answer(scene.faces)
            width, height = dimensions(scene)
            found = {"width": width, "height": height, "faces": [{}] * (faces or 0)}
            found["swapped"] = None
            if b'name="reference"' in body and b'name="consent"' in body:
                found["swapped"] = swapped
            self.send_response(status)
            self.end_headers()
            text = json.dumps(found)
            self.wfile.write((text if faces is not None else text[:20]).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("answer", "options", "exit_code", "says"),
    [
        (right, [], 0, "Passed"),
        (busy, ["--max-p99-ms", "0.001"], 1, "Failed: error rate 100.00%; p99 "),
        (one_too_many, [], 3, "Aborted: "),
        (nonsense, [], 3, "Aborted: "),
    ],
)
def test_the_exit_code_says_how_the_run_went(
    answer: Callable[[int], Answer], options: list[str], exit_code: int, says: str
) -> None:
    with serving(answer, swapped={}) as host:
        done = run_locust(host, "--reference-share", "0", *options)

    assert says in done.stdout
    assert done.returncode == exit_code


def run_locust(host: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--host", host]
    run = ["--headless", "--users", "2", "--spawn-rate", "2", "--run-time", "2s"]
    return subprocess.run([*command, *run, *options], capture_output=True, text=True)


def test_a_reference_goes_out_with_consent_and_must_come_back_swapped() -> None:
    with serving(right, swapped={"media_type": "image/jpeg"}) as host:
        swapped = run_locust(host, "--reference-share", "1")
    with serving(right) as host:
        not_swapped = run_locust(host, "--reference-share", "1")

    assert (swapped.returncode, not_swapped.returncode) == (0, 3)
    assert "Aborted: " in not_swapped.stdout


def test_a_shape_ends_by_itself_and_writes_its_reports(tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    with serving(right, swapped={"media_type": "image/jpeg"}) as host:
        options = ["--load-shape", "spike", "--csv", str(tmp_path / "run"), "--html", str(report)]
        done = run_locust(host, *options)

    assert done.returncode == 0, done.stderr
    assert report.stat().st_size > 0
    assert (tmp_path / "run_stats.csv").exists()
