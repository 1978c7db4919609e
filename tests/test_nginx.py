"""The nginx of configs/nginx.conf in front of a server of ours: what passes, and what stays out."""

import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from serve_graph import PROJECT
from serve_graph.api.forms import _SLACK_BYTES
from serve_graph.flags import free_port
from serve_graph.settings import ApiSettings
from tests.certificate import write_certificate
from tests.http_server import running
from tests.waiting import wait_for

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
CONFIG = (PROJECT / "configs" / "nginx.conf").read_text()
PHOTO = bytes(5_000_000)
LARGE = 20_000_000  # bytes of an answer
MIB = 1 << 20


def number(directive: str) -> float:
    """The value of a directive, in the unit that it is written in."""
    return float(re.search(rf"^ *{directive} (\d+)[ms]?;", CONFIG, re.MULTILINE)[1])


def test_what_the_service_takes_passes():
    settings = ApiSettings()
    largest = 3 * settings.limits.max_bytes + _SLACK_BYTES  # photo, reference and mask

    assert largest <= number("client_max_body_size") * MIB
    assert number("client_max_body_size") < number("client_body_buffer_size")
    assert number("proxy_read_timeout") > settings.max_timeout_s


def test_a_body_over_the_buffer_goes_to_memory_too():
    assert re.search(r"^ *client_body_temp_path /dev/shm/", CONFIG, re.MULTILINE)


@dataclass
class Stub:
    """A server in the service's place."""

    seen: list[tuple[str, dict[str, str], int]] = field(default_factory=list)  # path, headers, body
    break_off: int = 0  # how many of the next requests it breaks off
    may_end: threading.Event = field(default_factory=threading.Event)  # the stream of events


def handler_of(stub):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            stub.seen.append((self.path, headers, len(body)))
            if stub.break_off:
                stub.break_off -= 1
                self.close_connection = True
                return
            self.send_response(200)
            if self.path == "/events":
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("X-Accel-Buffering", "no")  # as `EventsResponse` does
                self.end_headers()
                self.wfile.write(b"event: stage\n\n")
                stub.may_end.wait(10)
                self.wfile.write(b"event: result\n\n")
                return
            self.send_header("Content-Length", str(LARGE if self.path == "/large" else 2))
            self.end_headers()
            self.wfile.write(bytes(LARGE) if self.path == "/large" else b"ok")

        def do_GET(self):
            self.do_POST()

        def do_OPTIONS(self):
            self.do_POST()

        def log_message(self, *_): ...

    return Handler


@dataclass
class Proxy:
    """A running nginx, with the server behind it."""

    url: str
    stub: Stub
    context: ssl.SSLContext
    errors: Path

    def client(self, caller: str | None = None) -> httpx.Client:
        """A client with this caller's key."""
        headers = {"Authorization": f"Bearer key-of-{caller}"} if caller else {}
        return httpx.Client(base_url=self.url, headers=headers, verify=self.context, timeout=30)


def write_config(folder, text, port, service):
    """A config with other paths and ports, and what surrounds it in /etc/nginx."""
    for old, new in {
        "/etc/nginx/mask2face.": f"{folder}/",
        "/var/log/nginx": str(folder),
        "/dev/shm/mask2face-nginx": str(folder / "bodies"),
        "listen 443": f"listen 127.0.0.1:{port}",
        "127.0.0.1:8000": service.removeprefix("http://"),
    }.items():
        assert old in text
        text = text.replace(old, new)
    temp = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("proxy", "fastcgi", "uwsgi"))
    (folder / "nginx.conf").write_text(
        f"user root; worker_processes 1; daemon off; pid {folder}/pid; events {{}}\n"
        f"error_log {folder}/errors warn;\nhttp {{ scgi_temp_path {folder}/scgi; {temp}\n{text}}}\n"
    )


@contextmanager
def proxying(folder, text):
    """An nginx with this config, and a server of ours behind it."""
    if NGINX is None:
        pytest.skip("nginx isn't installed: apt-get install nginx-light")
    port, stub = free_port(), Stub()
    write_certificate(folder)
    callers = ("app", "site", "slow", "eager")
    (folder / "keys").write_text("".join(f'"Bearer key-of-{one}" {one};\n' for one in callers))
    with running(ThreadingHTTPServer(("127.0.0.1", 0), handler_of(stub))) as service:
        write_config(folder, text, port, service)
        process = subprocess.Popen([NGINX, "-c", folder / "nginx.conf", "-e", folder / "errors"])
        try:
            context = ssl.create_default_context(cafile=folder / "crt")
            wait_for(lambda: is_open(port, process), poll_s=0.05)
            yield Proxy(f"https://127.0.0.1:{port}", stub, context, folder / "errors")
        finally:
            process.terminate()
            process.wait()


@pytest.fixture(scope="module")
def proxy(tmp_path_factory):
    """The shipped config."""
    with proxying(tmp_path_factory.mktemp("nginx"), CONFIG) as up:
        yield up


def is_open(port, process):
    assert process.poll() is None, "nginx didn't start"
    with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


def spooled(proxy):
    """The lines about bodies and answers that went to a file."""
    return [line for line in proxy.errors.read_text().splitlines() if "temporary file" in line]


@pytest.mark.parametrize("chunk", [None, 4096])
def test_an_upload_is_kept_in_memory(proxy, chunk):
    pieces = PHOTO if chunk is None else (PHOTO[:chunk] for _ in range(len(PHOTO) // chunk))
    with proxy.client("app") as client:
        assert client.post("/v1/unmask", content=pieces).status_code == 200

    _, headers, length = proxy.stub.seen[-1]
    assert length == int(headers["content-length"]) >= len(PHOTO) - 4096
    assert spooled(proxy) == []


def test_a_large_answer_that_is_read_slowly_is_kept_in_memory(proxy):
    with proxy.client("slow") as client, client.stream("POST", "/large") as answer:
        time.sleep(0.5)
        assert sum(len(chunk) for chunk in answer.iter_raw()) == LARGE

    assert spooled(proxy) == []


def test_an_upload_over_the_limit_is_refused(proxy):
    with proxy.client("app") as client:
        answer = client.post("/v1/unmask", content=bytes(65_000_000))

    assert answer.status_code == answer.json()["status"] == 413
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("caller", [None, "stranger"])
def test_without_a_key_nothing_reaches_the_service(proxy, caller):
    before = len(proxy.stub.seen)
    with proxy.client(caller) as client:
        answers = [client.post("/v1/unmask", content=PHOTO), client.get("/")]

    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].json()["detail"] == "Send Authorization: Bearer, with your key."
    assert answers[0].headers["WWW-Authenticate"] == "Bearer"
    assert len(proxy.stub.seen) == before


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("OPTIONS", "/v1/unmask", 200),
        ("GET", "/healthz", 200),
        ("GET", "/readyz", 200),
        ("GET", "/metrics", 404),
        ("GET", "/next/metrics", 404),
        ("GET", "/-/routes", 404),
    ],
)
def test_what_is_open_without_a_key(proxy, method, path, status):
    with proxy.client() as client:
        assert client.request(method, path).status_code == status


def test_events_arrive_before_the_stream_ends(proxy):
    with proxy.client("site") as client, client.stream("POST", "/events") as answer:
        chunks = answer.iter_raw()
        assert next(chunks) == b"event: stage\n\n"
        proxy.stub.may_end.set()
        assert next(chunks) == b"event: result\n\n"


def test_ids_pass_and_the_key_does_not(proxy):
    sent = {"X-Request-ID": "mine-7", "traceparent": "00-1-2-01"}
    with proxy.client("site") as client:
        client.post("/v1/unmask", headers=sent)
        client.post("/v1/unmask")

    (_, first, _), (_, second, _) = proxy.stub.seen[-2:]
    assert {name: first[name.lower()] for name in sent} == sent
    assert re.fullmatch("[0-9a-f]{32}", second["x-request-id"])
    assert "authorization" not in first


def test_a_call_that_breaks_off_is_repeated_once(proxy):
    proxy.stub.break_off = 1
    with proxy.client("site") as client:
        assert client.post("/v1/unmask", content=PHOTO).status_code == 200
        assert [length for *_, length in proxy.stub.seen[-2:]] == [len(PHOTO)] * 2

        proxy.stub.break_off = 2
        answer = client.post("/v1/unmask")
    assert answer.status_code == answer.json()["status"] == 502


def test_a_caller_who_sends_too_much_is_slowed_down_and_others_are_not(proxy):
    with proxy.client("eager") as client, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.post("/v1/unmask"), range(60)))
    with proxy.client("app") as client:
        assert client.post("/v1/unmask").status_code == 200

    counts = Counter(answer.status_code for answer in answers)
    assert counts.keys() == {200, 429}
    assert counts[200] >= 11  # one, and a burst of ten
    assert {one.headers.get("Retry-After") for one in answers if one.status_code == 429} == {"1"}


def test_calls_are_split_between_two_versions_as_the_guide_says(tmp_path):
    guide = (PROJECT / "docs" / "cluster.md").read_text()
    split, target = re.search(r"```nginx\n *(.*)\n *(.*)\n *```", guide).groups()
    before, after = CONFIG.split("proxy_pass http://mask2face;", 1)
    text = split.replace("5%", "50%") + before + target + after
    with proxying(tmp_path, text) as up, up.client("app") as client:
        for _ in range(10):
            assert client.post("/v1/unmask?format=png", content=b"photo").status_code == 200

    paths = {path for path, *_ in up.stub.seen}
    assert paths == {"/v1/unmask?format=png", "/next/v1/unmask?format=png"}
