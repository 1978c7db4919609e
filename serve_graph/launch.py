"""Starts the service from a config file: checks, Ray's flags, Serve, and a clean end.

Ray reads its flags when it is imported, so this module imports it only after `set_flags`.
"""

import asyncio
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, cast

import yaml

from models.errors import Mask2FaceError
from serve_graph.address import is_loopback, url_for_others, url_here
from serve_graph.door import close_doors, wait_for_clients
from serve_graph.flags import set_flags
from serve_graph.unique_keys import load_yaml

START_TIMEOUT_S = 300.0
START_ATTEMPTS = 3
POLL_S = 0.25
WATCH_S = 1.0
# How long the end may take, beside the requests, of a Ray that lost a process.
LOST_END_S = 30.0
_LOCALHOST = "127.0.0.1"  # Serve behind HAProxy would take all interfaces
# What Serve itself takes when it starts; all else is for the applications.
_STARTS_WITH = (
    "proxy_location",
    "http_options",
    "grpc_options",
    "logging_config",
    "tracing_config",
    "controller_options",
)
LINGER_S = 1.0  # the front door passes on what the replicas answered last


class ConfigError(Mask2FaceError):
    """A config file can't be used; the message has a line for each thing that is wrong."""


class StartError(Mask2FaceError):
    """Serve didn't come up."""


class LostError(Mask2FaceError):
    """A process of Ray's own died under the service."""


def read_config(
    path: Path, host: str | None = None, port: int | None = None, device: str | None = None
) -> Any:
    """What a config file holds.

    Args:
        path: YAML of Serve's config, version 2.
        host: takes the place of http_options.host; if neither is given, it is this machine's own.
        port: takes the place of http_options.port.
        device: takes the place of args.device.

    Raises:
        ConfigError: it can't be read.
    """
    try:
        content = load_yaml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        return content
    _set(content, "http_options", host=host, port=port)
    if content.get("http_options") is None:
        content["http_options"] = {}
    if isinstance(content["http_options"], dict):  # else `find_problems` says so
        content["http_options"].setdefault("host", _LOCALHOST)
    apps = content.get("applications")
    for app in apps if isinstance(apps, list) else ():
        _set(app, "args", device=device)
    return content


def _set(content: Any, section: str, **values: object) -> None:
    given = {key: value for key, value in values.items() if value is not None}
    # What isn't a mapping stays as it is: `find_problems` says so.
    if given and isinstance(content, dict) and isinstance(content.setdefault(section, {}), dict):
        content[section] |= given


def check_config(
    path: Path,
    host: str | None = None,
    port: int | None = None,
    device: str | None = None,
    needs_gpu: bool = True,
) -> list[str]:
    """One line for each thing that is wrong with a config file; empty if it can be served.

    Args:
        path, host, port, device: see `read_config`.
        needs_gpu: whether this machine must have the GPU that the config asks for.

    Raises:
        ConfigError: it can't be read.
    """
    set_flags()
    from serve_graph.checks import find_problems

    content = read_config(path, host, port, device)
    return [f"{path}: {line}" for line in find_problems(content, needs_gpu)]


def serve(
    path: Path,
    host: str | None = None,
    port: int | None = None,
    device: str | None = None,
    num_gpus: int | None = None,
) -> None:
    """Serves a config file until Ctrl-C or SIGTERM.

    What was taken in by then is answered first, within `max_timeout_s`; a second signal ends all at
    once.

    Args:
        path: the config.
        host: instead of the config's.
        port: instead of the config's.
        device: instead of the config's.
        num_gpus: logical GPUs for Ray, instead of those that it finds.

    Raises:
        ConfigError: the config can't be served.
        StartError: Serve didn't come up.
        LostError: Ray's raylet or GCS died.
    """
    problems = check_config(path, host, port, device)
    if problems:
        raise ConfigError("\n".join(problems))
    content = read_config(path, host, port, device)
    _check_port_is_free(content)
    print("Starting.", flush=True)
    with running(content, num_gpus=num_gpus) as up:
        print(f"Mask2Face answers on {up.url} (calls: {up.url}/docs, logs: {up.logs}).")
        _warn_if_open(*_address(content))
        print("Ctrl-C ends it.", flush=True)
        died = _wait_for_end()
        if died:
            print(f"Ray's {died} died: what dies from now on isn't replaced.")
            _exit_at_last(_longest_s(content) + LOST_END_S)
        print("Ending: what was taken in is answered first. Ctrl-C again ends at once.", flush=True)
    if died:
        raise LostError(f"Ray's {died} died, so the service has ended: start it again.")


def _warn_if_open(host: str, port: int) -> None:
    if not is_loopback(host):
        url = url_for_others(host, port)
        print(f"Other machines reach it on {url}: there is no log-in, so all of them may use it.")


def _check_port_is_free(content: dict[str, Any]) -> None:
    # Serve shares a taken port with whoever has it: each would get some of the requests.
    host, port = _address(content)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, UnicodeError) as error:  # the latter of a host that can't be a name
            reason = getattr(error, "strerror", error)
            raise ConfigError(
                f"{host}:{port} can't be used ({reason}): try --port or --host."
            ) from None


def _address(content: dict[str, Any]) -> tuple[str, int]:
    http = content["http_options"]
    return http["host"], int(http.get("port", 8000))


@dataclass(frozen=True)
class Running:
    """Where a running service is found."""

    url: str
    logs: Path


@contextmanager
def running(
    content: dict[str, Any], num_gpus: int | None = None, temp_dir: Path | None = None
) -> Iterator[Running]:
    """Ray and Serve of one's own on this machine, with the config applied.

    It ends when the block does, after it has answered what it took in; at once where the block, or
    its end, is broken off.

    Args:
        content: a config without problems.
        num_gpus: logical GPUs for Ray, instead of those that it finds.
        temp_dir: where Ray keeps its sessions.

    Raises:
        StartError: Serve didn't come up.
    """
    import ray
    from ray import serve

    session = _start_ray(num_gpus, temp_dir)
    try:
        serve.start(**{key: content.get(key) for key in _STARTS_WITH})
        apply_config(content)
        yield Running(url_here(*_address(content)), session / "logs" / "serve")
        with redirect_stdout(StringIO()):  # Ray prints which of Serve's own calls its end cuts off
            asyncio.run(_end(content))
            ray.shutdown()
    finally:
        ray.shutdown()


async def _end(content: dict[str, Any]) -> None:
    """Lets all requests be answered that were taken in, then shuts Serve down.

    Serve's own end would cut them off: it kills the proxies first, and all deployments together.
    """
    from ray import serve

    timeout_s, has_lost = _longest_s(content), _what_died() is not None
    try:
        async with asyncio.timeout(timeout_s):
            if has_lost:  # Serve's controller has died too, or does soon
                await close_doors()
            else:
                await _drain([app.name for app in _applications(content)])
                await wait_for_clients()
    except TimeoutError:
        logging.getLogger("ray.serve").error("Some requests took over %g s.", timeout_s)
    await asyncio.sleep(LINGER_S)
    if not has_lost:
        await serve.shutdown_async()  # type: ignore[no-untyped-call]


def _applications(content: dict[str, Any]) -> list[Any]:
    from ray.serve.schema import ServeDeploySchema

    return ServeDeploySchema.model_validate(content).applications  # has the names of the nameless


def _longest_s(content: dict[str, Any]) -> float:
    """How long a request may take."""
    from serve_graph.settings import GraphArgs

    apps = _applications(content)
    return max(GraphArgs.model_validate(app.args).api.max_timeout_s for app in apps)


async def _drain(names: list[str]) -> None:
    """Ends each ingress replica's work: it answers what it took in and refuses all else."""
    from ray import serve

    ends = [serve.get_app_handle(name).broadcast("drain") for name in names]
    # A replica that dies meanwhile holds nobody's request any more: the others are waited for.
    results = [one.results_async(return_exceptions=True) for one in ends]
    await asyncio.gather(*results, return_exceptions=True)


def _start_ray(num_gpus: int | None, temp_dir: Path | None) -> Path:
    """Starts Ray; returns the folder of its session."""
    import ray

    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    attempts = START_ATTEMPTS
    while True:
        try:
            # "local": without it, Ray joins a cluster that runs on this machine already.
            context: Any = ray.init(
                address="local",
                num_gpus=num_gpus,
                include_dashboard=False,
                logging_level=logging.WARNING,
                log_to_driver=False,  # it is all in the session's logs
                _temp_dir=None if temp_dir is None else str(temp_dir),
            )
            _end_log_monitor()
            return Path(context.address_info["session_dir"])
        except Exception as error:
            # Ray gives its own processes 30 s, which is too little on a very busy machine.
            ray.shutdown()
            attempts -= 1
            if not attempts:
                raise StartError(f"Ray didn't start: {error}") from error


def _end_log_monitor() -> None:
    """It looks at each log file ten times a second, for a driver that doesn't listen."""
    from ray._private.worker import global_worker

    # `ray start` has an option for it, `ray.init` has none. Where a later Ray names it otherwise,
    # it just goes on.
    with suppress(AttributeError):
        cast("Any", global_worker.node).kill_log_monitor(check_alive=False)


def apply_config(content: dict[str, Any]) -> None:
    """Deploys a config, or its changes, and waits until all of it runs.

    Raises:
        StartError: it doesn't.
    """
    from ray.serve.context import _get_global_client
    from ray.serve.schema import ServeDeploySchema

    # Serve's public calls take built applications; only its client takes a config. (`serve
    # deploy` does too, but through the dashboard.)
    client = _get_global_client()
    assert client is not None  # it raises if Serve does not run
    schema = ServeDeploySchema.model_validate(content)
    client.deploy_apps(schema)
    deadline = time.monotonic() + START_TIMEOUT_S
    for app in schema.applications:
        _wait_until_running(app.name, deadline)
    client.wait_for_proxies_serving(wait_for_applications_running=True)


def _wait_until_running(app: str, deadline: float) -> None:
    from ray import serve

    while time.monotonic() < deadline:
        found = serve.status().applications.get(app)
        if found is not None and found.status == "RUNNING":
            return
        if found is not None and found.status == "DEPLOY_FAILED":
            details = [one.message for one in found.deployments.values() if one.message]
            raise StartError("\n".join([found.message, *details]))
        time.sleep(POLL_S)
    lines = [f"'{app}' didn't run within {START_TIMEOUT_S:g} s.", *_what_is_missing(app)]
    raise StartError("\n".join(lines))


def _what_is_missing(app: str) -> Iterator[str]:
    """What Serve says of each deployment that isn't there yet: which resources it lacks, say."""
    from ray import serve

    found = serve.status().applications.get(app)
    for name, one in found.deployments.items() if found is not None else ():
        if one.status != "HEALTHY":
            yield f"{name}: {one.message or one.status.value}"


def _wait_for_end() -> str | None:
    """Returns on a signal, or with the process of Ray's own that died."""
    # Ray's own handler of SIGTERM would end the process at once.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        while not (died := _what_died()):
            time.sleep(WATCH_S)
    except KeyboardInterrupt:
        return None
    return died


def _what_died() -> str | None:
    """Which process is gone of those without which Serve replaces nothing that dies.

    They are children of this process, so it is known, however busy the machine is.
    """
    from ray._private.worker import global_worker

    node = cast("Any", global_worker.node)
    kinds = ("raylet", "gcs_server") if node and hasattr(os, "waitid") else ()  # macOS has none
    children = [(kind, one.process) for kind in kinds for one in node.all_processes.get(kind, ())]
    return next((kind for kind, process in children if _has_ended(process.pid)), None)


def _has_ended(child: int) -> bool:
    # Popen.poll would take note of the death: Ray's other processes see it then, and end at once,
    # with all that they hold.
    try:
        return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True  # it has been taken note of


def _exit_at_last(seconds: float) -> None:
    """Ends this process then, whatever hangs: any call of a Ray that lost a process may."""
    timer = threading.Timer(seconds, os._exit, (1,))
    timer.daemon = True
    timer.start()
