"""Users who post photos: `make load SHAPE=spike` headless, `make load-ui` with Locust's web page.

`--load-shape` says how the number of users changes over the run; a share of the requests carries
a reference. A wrong answer aborts the run immediately (exit code 3); with Locust's page the run
stops, and the page stays and lists the answer under Exceptions. If there are too many errors, or
p99 is too slow, the exit code is 1, and likewise if a proxy wants another key (`--header`). The
default bounds are the service's own objectives, as seen from outside: all errors count, 503s too,
and the upload is part of the time. p99 leaves 503s out, since they come so fast that they would
hide slow answers. With `--processes` the first process judges what all of them saw.

Users wait for their answers, so they slow down with the service. For rates that don't, use
`make sweep`.
"""

import ssl
import time
from argparse import ArgumentParser
from typing import Any

import numpy as np
from arguments import header
from locust import HttpUser, LoadTestShape, constant, events, task
from locust.clients import ResponseContextManager
from locust.env import Environment
from locust.rpc.protocol import Message
from locust.runners import WorkerRunner
from locust.stats import calculate_response_time_percentile
from objectives import FAILED, LOG_IN, MAX_ERROR_RATE, MAX_P99_MS, REFUSED, WRONG_ANSWER
from photos import REFERENCE, SCENES, Photo, draw_photo
from shapes import DEFAULT_SECONDS, SHAPES, users_at

PHOTOS_OF_EACH_SCENE = 2
ABORT = "abort"  # sent by a process to the one that ends the run: exit code and problem
TIMEOUT_S = 40.0  # of a request; the service itself gives up after 30 s

_reference = REFERENCE.read_bytes()
_drawing = np.random.default_rng(0)
_photos = [draw_photo(scene, _drawing) for scene in SCENES for _ in range(PHOTOS_OF_EACH_SCENE)]
# Locust's clock stood still while photos were drawn; a pause sets it, or this would be run time.
time.sleep(0.01)


@events.init_command_line_parser.add_listener
def add_options(parser: ArgumentParser) -> None:
    """Load shape, references, and what makes a run fail; Locust's page shows them too."""
    parser.add_argument(
        "--load-shape",
        choices=[*SHAPES],
        default="steady",
        env_var="SHAPE",
        help="how the number of users changes over the run",
    )
    parser.add_argument(
        "--reference-share",
        type=float,
        default=0.2,
        env_var="REFERENCE_SHARE",
        help="share of the requests that carry a photo of the bare face",
    )
    parser.add_argument(
        "--max-error-rate",
        type=float,
        default=MAX_ERROR_RATE,
        env_var="MAX_ERROR_RATE",
        help="share of failed requests above which the run fails",
    )
    parser.add_argument(
        "--max-p99-ms",
        type=float,
        default=MAX_P99_MS,
        env_var="MAX_P99_MS",
        help="99th percentile, without 503s, in ms, at which the run fails",
    )
    parser.add_argument(
        "--header",
        type=header,
        default={},
        env_var="HEADER",  # which ps doesn't show
        include_in_web_ui=False,
        help="a header of each request: 'Authorization: Bearer KEY'",
    )


@events.init.add_listener
def wait_for_answers(environment: Environment, **_: object) -> None:
    """Counts the requests that are in flight at the end: these are the slow ones."""
    environment.stop_timeout = TIMEOUT_S + 1


@events.init.add_listener
def listen_for_abort(environment: Environment, **_: object) -> None:
    """The process that ends the run receives wrong answers from itself and all others."""
    if environment.runner and not isinstance(environment.runner, WorkerRunner):
        # Concurrent: while it waits for the others, their final numbers come in.
        environment.runner.register_message(ABORT, abort, concurrent=True)


@events.test_start.add_listener
def draw_lots(environment: Environment, **_: object) -> None:
    """Each process sends photos in its own order, the same in each run."""
    runner = environment.runner
    # A process that only gathers numbers has no index, and sends nothing.
    PhotoSender.rng = np.random.default_rng(getattr(runner, "worker_index", 0))


class ChosenShape(LoadTestShape):
    """The shape of `--load-shape`, with the number of users and run time given as usual."""

    use_common_options = True

    def tick(self) -> tuple[int, float] | None:
        """The number of users, and how many of them come or go per second."""
        options = self.runner.environment.parsed_options
        most = options.num_users or 1
        seconds = options.run_time or DEFAULT_SECONDS
        users = users_at(options.load_shape, self.get_run_time(), most, seconds)
        return None if users is None else (users, options.spawn_rate or most)


class PhotoSender(HttpUser):
    """Posts one photo after another, without a pause unless the service asks for one."""

    host = "http://localhost:8000"  # unless `--host` or Locust's page names another
    wait_time = constant(0)
    rng: np.random.Generator

    def on_start(self) -> None:
        self.client.base_url = self.client.base_url.rstrip("/")
        self.client.headers.update(self.environment.parsed_options.header)
        # What the system trusts, or SSL_CERT_FILE, as in `make sweep`.
        self.client.verify = ssl.get_default_verify_paths().cafile or True

    @task
    def unmask(self) -> None:
        photo = _photos[int(self.rng.integers(len(_photos)))]
        files = {"photo": (f"{photo.scene.name}.jpg", photo.file, "image/jpeg")}
        fields, name = {}, photo.scene.name
        with_reference = self.rng.random() < self.environment.parsed_options.reference_share
        if with_reference:
            files["reference"] = ("reference.jpg", _reference, "image/jpeg")
            fields, name = {"consent": "true"}, f"{name}, reference"
        with self.client.post(
            "/v1/unmask",
            name=name,
            files=files,
            data=fields,
            headers={"Accept": "application/json"},
            timeout=TIMEOUT_S,
            catch_response=True,
        ) as response:
            problem = judge(response, photo, with_reference)
            if problem:
                response.failure(problem)
                self._abort(WRONG_ANSWER, f"{name}: {problem}")
            if response.status_code in LOG_IN:
                self._abort(FAILED, f"status {response.status_code}: is HEADER right?")
            if response.status_code == REFUSED:
                response.request_meta["response_time"] = None
        if response.status_code == REFUSED:
            time.sleep(float(response.headers.get("Retry-After", 1)))

    def _abort(self, exit_code: int, problem: str) -> None:
        self.environment.runner.send_message(ABORT, (exit_code, problem))


def judge(response: ResponseContextManager, photo: Photo, with_reference: bool) -> str:
    """What is wrong with an answer of status 200, or nothing; Locust counts other statuses."""
    if response.status_code != 200:
        return ""
    try:
        return compare(response.json(), photo, with_reference)
    except (ValueError, LookupError, TypeError) as error:
        return f"came back in an unexpected form ({type(error).__name__})"


def compare(answer: dict[str, Any], photo: Photo, with_reference: bool) -> str:
    """What is wrong with the JSON of an answer, or nothing."""
    size = (answer["width"], answer["height"])
    if size != (photo.width, photo.height):
        return f"came back {size[0]} x {size[1]} px"
    for picture in ("painted", "swapped") if with_reference else ("painted",):
        if not answer[picture]:
            return f"came back without a {picture} picture"
    found, unmasked = len(answer["faces"]), sum(bool(face["changed"]) for face in answer["faces"])
    if (found, unmasked) != (photo.scene.faces,) * 2:  # all wear masks
        return f"came back with {found} faces, {unmasked} of them unmasked"
    return ""


def abort(environment: Environment, msg: Message, **_: object) -> None:
    """Ends the run: with wrong answers, or with no key, its numbers are worth nothing."""
    exit_code, problem = msg.data
    problem = f"Aborted: {problem}"
    print(problem)
    environment.process_exit_code = exit_code
    if environment.web_ui:
        environment.runner.log_exception(msg.node_id, problem, problem)
        environment.runner.stop()
    else:
        environment.runner.quit()


@events.quitting.add_listener
def set_exit_code(environment: Environment, **_: object) -> None:
    """Compares the whole run with its bounds."""
    if isinstance(environment.runner, WorkerRunner):
        environment.process_exit_code = 0  # it saw a part of the run
        return
    if environment.process_exit_code:
        return
    total = environment.stats.total
    answered = total.num_requests - total.num_none_requests  # refused ones have no time
    p99_ms = calculate_response_time_percentile(total.response_times, answered, 0.99)
    bounds = environment.parsed_options
    problems = {
        "no request was answered": not answered,
        f"error rate {total.fail_ratio:.2%}": total.fail_ratio > bounds.max_error_rate,
        # Locust rounds p99 to two digits.
        f"p99 {p99_ms:.0f} ms": p99_ms >= bounds.max_p99_ms,
        "the load test itself broke": bool(environment.runner and environment.runner.exceptions),
    }
    failed = [problem for problem, is_so in problems.items() if is_so]
    verdict = "Failed: " + "; ".join(failed) if failed else f"Passed: p99 {p99_ms:.0f} ms"
    events.quit.add_listener(lambda **_: print(verdict))  # below Locust's tables
    environment.process_exit_code = FAILED if failed else 0
