"""Starts the service from a config: Ray, Serve, and a clean shutdown.

Ray reads its flags when it is imported, so this module imports it only when it starts it: by then
`load_config` has set them.
"""

import asyncio
import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, cast

from models.errors import Mask2FaceError
from serve_graph import watch
from serve_graph.address import is_loopback, url_for_others, url_here
from serve_graph.config_file import ConfigError
from serve_graph.door import stop_haproxy, wait_for_clients
from serve_graph.logs import log

START_TIMEOUT_S = 300.0
START_ATTEMPTS = 3
POLL_S = 0.25
# How long shutdown may take, on top of the requests, after Ray lost a process.
LOST_END_S = 30.0
# What Serve itself takes when it starts; the rest is for the applications.
_STARTS_WITH = (
    "proxy_location",
    "http_options",
    "grpc_options",
    "logging_config",
    "tracing_config",
    "controller_options",
)
LINGER_S = 1.0  # for the front door to deliver the replicas' last answers


class StartError(Mask2FaceError):
    """Serve didn't come up."""


class RayDiedError(Mask2FaceError):
    """One of Ray's own processes died while the service was running."""


def serve(content: dict[str, Any], num_gpus: int | None = None) -> None:
    """Serves a config until Ctrl-C or SIGTERM.

    Requests accepted by then are answered first, within `max_timeout_s`; a second signal stops
    everything immediately.

    Args:
        content: a config without problems, from `load_config`.
        num_gpus: logical GPUs for Ray, instead of those that it finds.

    Raises:
        ConfigError: the port or the host can't be used.
        StartError: Serve didn't come up.
        RayDiedError: Ray's raylet or GCS died.
    """
    _check_port_is_free(content)
    print("Starting.", flush=True)
    with running(content, num_gpus=num_gpus) as up:
        prefix = _prefix(content)
        url = up.url + prefix
        print(f"Mask2Face is running at {url} (API: {url}/docs, logs: {up.logs}).")
        _warn_if_open(*_address(content), prefix)
        print("Press Ctrl-C to stop.", flush=True)
        died = watch.wait_for_end()
        if died:
            print(f"Ray's {died} died: from now on, nothing that dies is replaced.")
            watch.exit_at_last(_longest_s(content) + LOST_END_S)
        print(
            "Stopping: accepted requests are answered first. Press Ctrl-C again to stop at once.",
            flush=True,
        )
    if died:
        raise RayDiedError(f"Ray's {died} died, so the service has ended: start it again.")


def _warn_if_open(host: str, port: int, prefix: str) -> None:
    if not is_loopback(host):
        url = url_for_others(host, port) + prefix
        print(f"Other machines reach it at {url}: there is no log-in, so any of them can use it.")


def _check_port_is_free(content: dict[str, Any]) -> None:
    # Serve would share a taken port with its owner: each would get some of the requests.
    host, port = _address(content)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, UnicodeError) as error:  # the latter if the host can't be a name
            reason = getattr(error, "strerror", error)
            raise ConfigError(
                f"{host}:{port} can't be used ({reason}): try --port or --host."
            ) from None


def _address(content: dict[str, Any]) -> tuple[str, int]:
    http = content["http_options"]
    return http["host"], int(http.get("port", 8000))


@dataclass(frozen=True)
class Running:
    """Where a running service answers (without any application's prefix) and logs."""

    url: str
    logs: Path


@contextmanager
def running(
    content: dict[str, Any], num_gpus: int | None = None, temp_dir: Path | None = None
) -> Iterator[Running]:
    """A Ray and a Serve of its own on this machine, with the config applied.

    Both end with the block, after the accepted requests are answered; immediately if the block or
    the shutdown is interrupted.

    Args:
        content: a config without problems.
        num_gpus: logical GPUs for Ray, instead of those that it finds.
        temp_dir: where Ray keeps its sessions.

    Raises:
        StartError: Serve didn't come up.
    """
    import ray
    from ray import serve

    logs = _start_ray(num_gpus, temp_dir) / "logs" / "serve"
    try:
        serve.start(**{key: content.get(key) for key in _STARTS_WITH})
        try:
            apply_config(content)
        except StartError as error:
            raise StartError(f"{error}\nThe logs are in {logs}.") from error
        # Here rather than at the end, when a controller that hangs would hold this process up.
        ingresses = [serve.get_app_handle(app.name) for app in _applications(content)]
        yield Running(url_here(*_address(content)), logs)
        with redirect_stdout(StringIO()):  # Ray prints which of Serve's calls its end cuts off
            asyncio.run(_end(content, ingresses))
            ray.shutdown()
    finally:
        ray.shutdown()


async def _end(content: dict[str, Any], ingresses: list[Any]) -> None:
    """Waits until all accepted requests are answered, then shuts Serve down.

    Serve's own shutdown would cut them off: it kills the proxies first, and all deployments at the
    same time.
    """
    from ray import serve

    timeout_s, has_lost = _longest_s(content), watch.what_died() is not None
    try:
        async with asyncio.timeout(timeout_s):
            if has_lost:  # Serve's controller has died too, or soon will
                await stop_haproxy()
            else:
                await _drain(ingresses)
                await wait_for_clients()
    except TimeoutError:
        log.error("Some requests took over %g s.", timeout_s)
    await asyncio.sleep(LINGER_S)
    if not has_lost:
        await serve.shutdown_async()  # type: ignore[no-untyped-call]


def _applications(content: dict[str, Any]) -> list[Any]:
    from ray.serve.schema import ServeDeploySchema

    return ServeDeploySchema.model_validate(content).applications  # default names are filled in


def _prefix(content: dict[str, Any]) -> str:
    """What the paths of the first application begin with, without a slash at the end."""
    return (_applications(content)[0].route_prefix or "").rstrip("/")


def _longest_s(content: dict[str, Any]) -> float:
    """How long a request may take, in seconds."""
    from serve_graph.settings import GraphArgs

    apps = _applications(content)
    return max(GraphArgs.model_validate(app.args).api.max_timeout_s for app in apps)


async def _drain(ingresses: list[Any]) -> None:
    """Drains each ingress replica: it answers what it has accepted and refuses the rest."""
    has_new = True
    while has_new:  # a replica may have started meanwhile; the others answer at once
        ends = [handle.broadcast("drain") for handle in ingresses]
        # A replica that dies meanwhile holds no request any more: wait for the others.
        results = [one.results_async(return_exceptions=True) for one in ends]
        found = await asyncio.gather(*results, return_exceptions=True)
        for one in found:
            if isinstance(one, BaseException):
                log.warning("An ingress wasn't drained: %r", one)
        has_new = any(isinstance(one, list) and True in one for one in found)


def _start_ray(num_gpus: int | None, temp_dir: Path | None) -> Path:
    """Starts Ray; returns its session folder."""
    import ray

    log.setLevel(logging.WARNING)
    attempts = START_ATTEMPTS
    while True:
        try:
            # "local": otherwise Ray would join a cluster that already runs on this machine.
            context: Any = ray.init(
                address="local",
                num_gpus=num_gpus,
                include_dashboard=False,
                logging_level=logging.WARNING,
                log_to_driver=False,  # all of it is in the session's logs
                _temp_dir=None if temp_dir is None else str(temp_dir),
            )
            _end_log_monitor()
            return Path(context.address_info["session_dir"])
        except Exception as error:
            # Ray gives its own processes 30 s, which is too little on a very busy machine.
            ray.shutdown()
            attempts -= 1
            if not attempts:
                sessions = temp_dir or Path(os.environ.get("RAY_TMPDIR", "/tmp"), "ray")
                raise StartError(
                    f"Ray didn't start: {error}\nIs the machine very busy, or out of memory? "
                    f"Ray's logs: {sessions}/session_latest/logs."
                ) from error


def _end_log_monitor() -> None:
    """Ends Ray's log monitor: it polls each log file ten times a second, and nobody listens."""
    from ray._private.worker import global_worker

    # `ray start` has an option for this, `ray.init` doesn't. If a later Ray renames the method, the
    # log monitor keeps running.
    with suppress(AttributeError):
        cast("Any", global_worker.node).kill_log_monitor(check_alive=False)


def apply_config(content: dict[str, Any]) -> None:
    """Deploys a config, or changes to it, and waits until everything runs.

    Raises:
        StartError: a deployment failed or took too long.
    """
    from ray.serve.context import _get_global_client
    from ray.serve.schema import ServeDeploySchema

    # Serve's public functions take built applications; only its client takes a config. (`serve
    # deploy` does too, but through the dashboard.)
    client = _get_global_client()
    assert client is not None  # it raises if Serve isn't running
    schema = ServeDeploySchema.model_validate(content)
    client.deploy_apps(schema)
    deadline = time.monotonic() + START_TIMEOUT_S
    for app in schema.applications:
        _wait_until_running(client, app.name, deadline)
    client.wait_for_proxies_serving(wait_for_applications_running=True)


def _wait_until_running(client: Any, app: str, deadline: float) -> None:
    # Not `serve.status()`: with six deployments it takes 92 ms of processor time, and this 2.
    found = client.get_serve_status(app)
    while found.app_status.status != "RUNNING":
        if found.app_status.status == "DEPLOY_FAILED":
            details = [one.message for one in found.deployment_statuses if one.message]
            raise StartError("\n".join([found.app_status.message, *details]))
        if time.monotonic() >= deadline:
            first = f"'{app}' didn't run within {START_TIMEOUT_S:g} s."
            raise StartError("\n".join([first, *_what_is_missing(found.deployment_statuses)]))
        time.sleep(POLL_S)
        found = client.get_serve_status(app)


def _what_is_missing(statuses: list[Any]) -> Iterator[str]:
    """What Serve says about each deployment that isn't up yet, such as which resources it lacks."""
    for one in statuses:
        if one.status != "HEALTHY":
            yield f"{one.name}: {one.message or one.status.value}"
