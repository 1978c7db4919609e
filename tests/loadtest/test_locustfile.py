"""Runs Locust against a small server that unmasks faces correctly or not."""

import json
import os
import re
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from loadtest.photos import SCENES, dimensions
from serve_graph import PROJECT
from serve_graph.flags import free_port
from tests.http_server import running
from tests.waiting import wait_for

LOCUSTFILE = PROJECT / "loadtest" / "locustfile.py"
# The locustfile then draws the smallest photos only, in no time.
SMALL_PHOTOS = """
import locust.main, photos
photos.SCENES = photos.SCENES[:2]
"""
PICTURE = {"media_type": "image/jpeg"}
Answer = tuple[int, list[bool] | None]  # status; whether each face was unmasked, None: no JSON


def right(faces: int) -> Answer:
    return 200, [True] * faces


def one_too_many(faces: int) -> Answer:
    return 200, [True] * (faces + 1)


def one_left_masked(faces: int) -> Answer:
    return 200, [True] * (faces - 1) + [False]


def busy(faces: int) -> Answer:
    return 503, [True] * faces


def nonsense(_faces: int) -> Answer:
    return 200, None


@contextmanager
def serving(
    answer: Callable[[int], Answer],
    painted: dict[str, str] | None = PICTURE,
    swapped: dict[str, str] | None = PICTURE,
    path: str = "/v1/unmask",
    key: str | None = None,
    certificate: Path | None = None,
) -> Iterator[str]:
    """The URL of a server that takes photos at a path from whoever has the key."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            file_name = re.search(rb'filename="(.+?)\.jpg"', body)[1].decode()
            scene = next(one for one in SCENES if one.name == file_name)
            status, unmasked = answer(scene.faces)
            if (self.path, self.headers["Authorization"]) != (path, key):
                status, unmasked = 401, None
            width, height = dimensions(scene)
            faces = [{"changed": changed} for changed in unmasked or ()]
            found = {"width": width, "height": height, "faces": faces}
            found |= {"painted": painted, "swapped": None}
            if b'name="reference"' in body and b'name="consent"' in body:
                found["swapped"] = swapped
            self.send_response(status)
            self.send_header("Retry-After", "0")
            self.end_headers()
            text = json.dumps(found)
            self.wfile.write((text if unmasked is not None else text[:20]).encode())

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if certificate is None:
        with running(server) as url:
            yield url
        return
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate / "crt", certificate / "key")
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    with running(server) as url:
        yield url.replace("http:", "https:")


@pytest.mark.parametrize(
    ("answer", "options", "exit_code", "says"),
    [
        (right, [], 0, "Passed"),
        (busy, [], 1, "Failed: no request was answered; error rate 100.00%"),
        (one_too_many, [], 3, "Aborted: "),
        (one_left_masked, [], 3, "Aborted: "),
        (nonsense, [], 3, "Aborted: "),
        (right, ["--processes", "2"], 0, "Passed"),
        (busy, ["--processes", "2"], 1, "Failed: no request was answered; error rate 100.00%"),
        (one_too_many, ["--processes", "2"], 3, "Aborted: "),
    ],
)
def test_the_exit_code_says_how_the_run_went(
    answer: Callable[[int], Answer], options: list[str], exit_code: int, says: str
) -> None:
    with serving(answer) as host:
        done = run_locust(host, "--reference-share", "0", *options)

    assert says in done.stdout
    assert exit_code == 3 or done.stdout.splitlines()[-1].startswith(says)  # below the tables
    assert done.stdout.count("Passed") + done.stdout.count("Failed") == (exit_code != 3)
    assert done.returncode == exit_code


def test_fast_refusals_hide_no_slow_answers_from_p99() -> None:
    numbers = count()

    def slow_or_busy(faces: int) -> Answer:
        if next(numbers) % 200:
            return busy(faces)
        time.sleep(0.5)
        return right(faces)

    with serving(slow_or_busy) as host:
        bounds = ["--max-p99-ms", "200", "--max-error-rate", "1"]
        done = run_locust(host, "--reference-share", "0", *bounds)

    assert "Failed: p99 " in done.stdout
    assert done.returncode == 1


def test_each_process_sends_photos_in_an_order_of_its_own() -> None:
    code = f"""{SMALL_PHOTOS}
from types import SimpleNamespace
from locustfile import PhotoSender, draw_lots
for index in (0, 1, 0):
    draw_lots(SimpleNamespace(runner=SimpleNamespace(worker_index=index)))
    print(*PhotoSender.rng.integers(100, size=9))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=LOCUSTFILE.parent, capture_output=True, text=True
    )
    first, second, again = done.stdout.splitlines()

    assert first == again != second


def test_its_bounds_are_the_services_objectives() -> None:
    code = f"""{SMALL_PHOTOS}
import locustfile
from locust.argument_parser import get_parser
options = get_parser().parse_args([])
print(options.max_error_rate, options.max_p99_ms / 1000)
"""
    environment = {name: value for name, value in os.environ.items() if "MAX_" not in name}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=LOCUSTFILE.parent,
        env=environment,
        capture_output=True,
        text=True,
    )
    rules = (PROJECT / "configs" / "prometheus" / "rules.yml").read_text()
    budgets = set(re.findall(r"mask2face:(failed|slow):share\w+ / ([\d.]+) # budget", rules))
    (within_s,) = set(re.findall(r'mask2face_request_seconds_bucket{.*?le="([\d.]+)"', rules))

    max_error_rate, max_p99_s = done.stdout.split()
    assert budgets == {("failed", max_error_rate), ("slow", "0.01")}
    assert max_p99_s == within_s


@pytest.mark.parametrize("word", ["load", "load-ui"])
def test_make_hands_bounds_and_references_on(word: str) -> None:
    given = {"MAX_P99_MS": "5", "MAX_ERROR_RATE": "0.5", "REFERENCE_SHARE": "0"}
    made = ["make", "--dry-run", "--no-print-directory", word]
    made += [f"{name}={value}" for name, value in given.items()]
    told = subprocess.run(made, cwd=PROJECT, capture_output=True, text=True).stdout

    for name, value in given.items():
        assert f"--{name.lower().replace('_', '-')} {value}" in told


def locust(*options: str) -> list[str]:
    port = str(free_port())  # of the first process, if there are several
    among = ["--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--master-port", port]
    return ["-f", str(LOCUSTFILE), *among, *options]


def run_locust(host: str, *options: str) -> subprocess.CompletedProcess[str]:
    run = ["--headless", "--users", "2", "--spawn-rate", "2", "--run-time", "1s"]
    run += ["--max-error-rate", "0.001", "--max-p99-ms", "10000"]  # a busy machine is no failure
    start = [sys.executable, "-c", f"{SMALL_PHOTOS}locust.main.main()"]
    return subprocess.run(
        [*start, *locust("--host", host, *run, *options)],
        cwd=LOCUSTFILE.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},  # lines in the order in which they were written
    )


KEY = "Bearer s3cr3t"


def test_a_service_behind_a_proxy_with_tls_and_a_log_in_is_reached(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADER", f"Authorization: {KEY}")
    with serving(right, path="/unmasking/v1/unmask", key=KEY, certificate=certificate) as host:
        done = run_locust(f"{host}/unmasking/", "--reference-share", "0")

    assert done.returncode == 0, done.stdout
    assert KEY not in done.stdout


@pytest.mark.parametrize("options", [[], ["--processes", "2"]])
def test_a_wrong_key_ends_the_run(options: list[str]) -> None:
    with serving(right, key=KEY) as host:
        done = run_locust(host, "--header", "Authorization: Bearer 0th3r", *options)

    assert done.returncode == 1
    assert "Aborted: status 401: is HEADER right?" in done.stdout
    assert "0th3r" not in done.stdout


def test_a_reference_goes_out_with_consent_and_must_come_back_swapped() -> None:
    with serving(right) as host:
        swapped = run_locust(host, "--reference-share", "1")
    with serving(right, swapped=None) as host:
        not_swapped = run_locust(host, "--reference-share", "1")

    assert (swapped.returncode, not_swapped.returncode) == (0, 3)
    assert "Aborted: " in not_swapped.stdout


def test_an_answer_without_its_picture_is_wrong() -> None:
    with serving(right, painted=None) as host:
        done = run_locust(host, "--reference-share", "0")

    assert done.returncode == 3
    assert "without a painted picture" in done.stdout


def test_a_shape_ends_by_itself_and_writes_its_reports(tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    with serving(right) as host:
        options = ["--load-shape", "spike", "--csv", str(tmp_path / "run"), "--html", str(report)]
        done = run_locust(host, *options)

    assert done.returncode == 0, done.stdout
    assert report.stat().st_size > 0
    assert (tmp_path / "run_stats.csv").exists()


@contextmanager
def page(host: str) -> Iterator[str]:
    """Locust's page, started as by `make load-ui`."""
    port = free_port()
    options = ["--host", host, "--web-host", "127.0.0.1", "--web-port", str(port)]
    start = [sys.executable, "-c", f"{SMALL_PHOTOS}locust.main.main()"]
    start += locust(*options, "--reference-share", "0")
    process = subprocess.Popen(start, cwd=LOCUSTFILE.parent, stdout=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def get(url: str) -> dict[str, Any]:
    with urlopen(url, timeout=5) as answer:
        return dict(json.load(answer))


def wait_until(url: str, is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """What the page reports, as soon as `is_so` holds."""

    def report() -> dict[str, Any] | None:
        with suppress(OSError):  # not up yet
            found = get(url)
            return found if is_so(found) else None
        return None

    return wait_for(report, timeout_s=120, poll_s=0.2)  # it draws its photos first


def swarm(url: str) -> None:
    """Does what the page's button does."""
    wait_until(f"{url}/stats/requests", lambda found: found["state"] == "ready")
    form = urlencode({"user_count": 2, "spawn_rate": 2, "run_time": "1m"}).encode()
    assert json.load(urlopen(f"{url}/swarm", form, timeout=5))["success"]


@pytest.fixture(scope="module")
def shown() -> dict[str, dict[str, Any]]:
    """What the page shows of a run: of its right answers, and after its first wrong one."""
    answer = right
    with serving(lambda faces: answer(faces)) as host, page(host) as url:
        swarm(url)
        numbers = f"{url}/stats/requests"
        running = wait_until(numbers, lambda found: len(found["stats"]) > 2)
        answer = one_too_many
        stopped = wait_until(numbers, lambda found: found["state"] == "stopped")
        exceptions = get(f"{url}/exceptions")
    return {"running": running, "stopped": stopped, "exceptions": exceptions}


def test_the_page_starts_a_run_and_counts_its_requests(shown: dict[str, dict[str, Any]]) -> None:
    assert shown["running"]["state"] == "running"
    assert shown["running"]["fail_ratio"] == 0


def test_the_page_stops_at_a_wrong_answer_and_says_so(shown: dict[str, dict[str, Any]]) -> None:
    (first,) = shown["exceptions"]["exceptions"][:1]

    assert shown["stopped"]["fail_ratio"] > 0
    assert first["msg"].startswith("Aborted: ")
