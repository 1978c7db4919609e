"""Flags, refusals and the end of `mask2face serve`, without Ray."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from ray.serve._private.application_state import ApplicationStatusInfo, StatusOverview
from ray.serve._private.common import DeploymentStatusInfo
from ray.serve.schema import (
    ApplicationStatus,
    DeploymentStatus,
    DeploymentStatusTrigger,
    ServeDeploySchema,
)

from serve_graph import PROJECT, launch, watch
from serve_graph.config_file import ConfigError, load_config, read_config
from serve_graph.flags import free_port

LAPTOP = PROJECT / "configs" / "laptop.yaml"
APPS = """
applications:
  - {name: one, route_prefix: /one, import_path: serve_graph.app:build}
  - {name: two, route_prefix: /two, import_path: serve_graph.app:build}
"""
BARE = {"http_options": {"host": "127.0.0.1"}, "applications": [{"import_path": "a:b"}]}


def test_a_broken_config_is_refused_before_anything_starts(tmp_path, monkeypatch):
    monkeypatch.setattr(launch, "running", None)
    path = tmp_path / "broken.yaml"
    path.write_text(LAPTOP.read_text().replace("max_queued_requests", "max_queue_requests"))

    with pytest.raises(ConfigError, match="did you mean 'max_queued_requests'"):
        launch.serve(load_config(path))


@pytest.mark.parametrize("options", ["5", "[]"])
def test_strange_http_options_are_refused(tmp_path, options):
    path = tmp_path / "strange.yaml"
    path.write_text(LAPTOP.read_text().replace("http_options:\n", f"http_options: {options}\n_:\n"))

    with pytest.raises(ConfigError, match="http_options"):
        load_config(path)


@pytest.mark.parametrize("apps", ["5", "[]", "null", "[5]", "{}", "[{args: 5}]"])
def test_strange_applications_are_refused_with_a_device_too(tmp_path, apps):
    path = tmp_path / "strange.yaml"
    path.write_text(f"applications: {apps}")

    with pytest.raises(ConfigError) as refused:
        load_config(path, device="cpu")

    assert str(refused.value).startswith(f"{path}: applications")


@pytest.mark.parametrize("options", [{"port": 99_999}, {"port": 0}])
def test_a_port_that_there_can_not_be_is_refused(monkeypatch, options):
    monkeypatch.setattr(launch, "running", None)

    with pytest.raises(ConfigError, match="a port is 1 to 65535"):
        launch.serve(load_config(LAPTOP, **options))


def test_the_end_waits_no_longer_than_the_longest_request_may_take(monkeypatch):
    from ray import serve

    steps = []

    async def drain(ingresses):
        steps.append(ingresses)
        await asyncio.sleep(60)

    async def shut_down():
        steps.append("shut down")

    monkeypatch.setattr(launch, "_drain", drain)
    monkeypatch.setattr(launch, "LINGER_S", 0)
    monkeypatch.setattr(serve, "shutdown_async", shut_down)
    content = yaml.safe_load(APPS)
    for app in content["applications"]:
        app["args"] = {"api": {"max_timeout_s": 0.1}}

    asyncio.run(launch._end(content, ["one", "two"]))

    assert steps == [["one", "two"], "shut down"]


def test_the_end_waits_for_an_application_without_args(monkeypatch):
    from ray import serve

    steps = []

    async def drain(ingresses):
        steps.append(ingresses)

    async def shut_down():
        steps.append("shut down")

    monkeypatch.setattr(launch, "_drain", drain)
    monkeypatch.setattr(launch, "LINGER_S", 0)
    monkeypatch.setattr(serve, "shutdown_async", shut_down)

    asyncio.run(launch._end(BARE, ["one"]))

    assert steps == [["one"], "shut down"]


@pytest.fixture
def started(monkeypatch, tmp_path):
    """What Serve was started with; there is no Ray."""
    import ray
    from ray import serve

    options = {}
    monkeypatch.setattr(launch, "_start_ray", lambda *_: tmp_path)
    monkeypatch.setattr(launch, "apply_config", lambda _: None)
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    monkeypatch.setattr(serve, "start", lambda **given: options.update(given))
    return options


@pytest.mark.usefixtures("started")
def test_the_end_needs_no_controller_to_reach_the_ingresses(monkeypatch):
    from ray import serve

    ended = []

    async def end(_content, ingresses):
        ended.extend(ingresses)

    monkeypatch.setattr(launch, "_end", end)
    monkeypatch.setattr(serve, "get_app_handle", lambda name: f"handle of {name}")

    with launch.running(BARE):
        monkeypatch.setattr(serve, "get_app_handle", None)  # it asks the controller

    assert ended == ["handle of default"]


@pytest.mark.usefixtures("started")
def test_who_starts_a_service_that_fails_is_told_where_the_logs_are(monkeypatch, tmp_path):
    def fail(_):
        raise launch.StartError("'mask2face' didn't run.")

    monkeypatch.setattr(launch, "apply_config", fail)

    with pytest.raises(launch.StartError) as failed, launch.running(BARE):
        pass

    logs = tmp_path / "logs" / "serve"
    assert str(failed.value).splitlines() == ["'mask2face' didn't run.", f"The logs are in {logs}."]


def test_who_starts_a_ray_that_fails_is_told_where_its_logs_are(monkeypatch, tmp_path):
    import ray

    def fail(**_):
        raise TimeoutError("no raylet")

    monkeypatch.setattr(ray, "init", fail)
    monkeypatch.setattr(ray, "shutdown", lambda: None)

    with pytest.raises(launch.StartError) as failed:
        launch._start_ray(None, tmp_path)

    assert str(failed.value).startswith("Ray didn't start: no raylet\n")
    assert f"{tmp_path}/session_latest/logs" in str(failed.value)


def test_all_that_is_for_serve_itself_reaches_its_start(started, monkeypatch):
    options = {
        "proxy_location": "HeadOnly",
        "http_options": {"host": "127.0.0.1", "port": 8123},
        "grpc_options": {"port": 9123},
        "logging_config": {"encoding": "JSON"},
        "tracing_config": {"enabled": True},
        "controller_options": {"runtime_env": {"env_vars": {"A": "1"}}},
    }

    async def end(*_): ...

    monkeypatch.setattr(launch, "_end", end)

    with launch.running(options | {"applications": []}):
        pass

    assert started == options
    others = {"applications", "target_capacity"}
    assert started.keys() == ServeDeploySchema.model_fields.keys() - others


def test_what_does_not_run_in_time_is_told_with_serves_reason():
    def deployment(name, status, message):
        trigger = DeploymentStatusTrigger.CONFIG_UPDATE_STARTED
        return DeploymentStatusInfo(name, status, trigger, message)

    class Client:
        def get_serve_status(self, name):
            deployments = [
                deployment("Ingress", DeploymentStatus.HEALTHY, ""),
                deployment("Inpainter", DeploymentStatus.UPDATING, "Resources required: CPU 64."),
                deployment("FaceSwapper", DeploymentStatus.UPDATING, ""),
            ]
            return StatusOverview(
                ApplicationStatusInfo(ApplicationStatus.DEPLOYING), name, deployments
            )

    with pytest.raises(launch.StartError) as caught:
        launch._wait_until_running(Client(), "one", time.monotonic() + 0.01)

    assert str(caught.value).splitlines() == [
        "'one' didn't run within 300 s.",
        "Inpainter: Resources required: CPU 64.",
        "FaceSwapper: UPDATING",
    ]


@pytest.fixture
def _in_order(monkeypatch):
    monkeypatch.setattr("serve_graph.checks.find_problems", lambda *_: [])


@pytest.mark.usefixtures("_in_order")
def test_a_taken_port_is_refused(monkeypatch):
    monkeypatch.setattr(launch, "running", None)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()

        with pytest.raises(ConfigError, match="try --port"):
            launch.serve(load_config(LAPTOP, port=other.getsockname()[1]))


@pytest.mark.usefixtures("_in_order")
@pytest.mark.parametrize("host", ["nowhere.invalid", "a..b", "203.0.113.1"])
def test_a_host_that_is_not_this_machines_is_refused(monkeypatch, host):
    monkeypatch.setattr(launch, "running", None)

    with pytest.raises(ConfigError, match="try --port or --host"):
        launch.serve(load_config(LAPTOP, host=host, port=free_port()))


@pytest.mark.usefixtures("_in_order")
@pytest.mark.parametrize(("host", "is_told"), [("127.0.0.1", False), ("0.0.0.0", True)])
def test_who_opens_the_service_to_others_is_told_that_there_is_no_login(
    monkeypatch, capsys, host, is_told
):
    @contextmanager
    def running(content, **_):
        assert content["http_options"]["host"] == host
        yield launch.Running("http://127.0.0.1:1", Path("logs"))

    monkeypatch.setattr(launch, "running", running)
    monkeypatch.setattr(watch, "wait_for_end", lambda: None)

    launch.serve(load_config(LAPTOP, host=host, port=free_port()))

    assert ("no log-in" in capsys.readouterr().out) == is_told


@pytest.mark.usefixtures("_in_order")
@pytest.mark.parametrize(
    ("prefix", "path"), [("/", ""), ("/faces", "/faces"), ("/faces/", "/faces"), ("null", "")]
)
def test_the_urls_that_are_told_have_the_applications_prefix(
    monkeypatch, capsys, tmp_path, prefix, path
):
    @contextmanager
    def running(_content, **_):
        yield launch.Running("http://127.0.0.1:1", Path("logs"))

    monkeypatch.setattr(launch, "running", running)
    monkeypatch.setattr(watch, "wait_for_end", lambda: None)
    config = tmp_path / "prefix.yaml"
    config.write_text(LAPTOP.read_text().replace("route_prefix: /", f"route_prefix: {prefix}"))
    port = free_port()

    launch.serve(load_config(config, host="0.0.0.0", port=port))

    told = capsys.readouterr().out
    assert f"at http://127.0.0.1:1{path} (API: http://127.0.0.1:1{path}/docs" in told
    assert f":{port}{path}: there is no log-in" in told


def test_a_config_may_come_from_a_pipe(monkeypatch):
    served = []

    @contextmanager
    def running(content, **_):
        served.append(content)
        yield launch.Running("http://127.0.0.1:1", Path("logs"))

    monkeypatch.setattr(launch, "running", running)
    monkeypatch.setattr(watch, "wait_for_end", lambda: None)
    reader, writer = os.pipe()
    os.write(writer, LAPTOP.read_bytes())
    os.close(writer)
    port = free_port()

    launch.serve(load_config(Path(f"/dev/fd/{reader}"), port=port))
    os.close(reader)

    assert served == [read_config(LAPTOP, port=port)]


@pytest.mark.usefixtures("_in_order")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_service_cleanly(monkeypatch, number):
    ended = []

    @contextmanager
    def running(_content, num_gpus):
        assert num_gpus == 2
        threading.Timer(0.5, os.kill, (os.getpid(), number)).start()
        yield launch.Running("http://127.0.0.1:1", Path("logs"))
        ended.append(True)

    monkeypatch.setattr(launch, "running", running)
    before = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        launch.serve(load_config(LAPTOP, port=0), num_gpus=2)
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)

    assert ended == [True]


@pytest.mark.usefixtures("_in_order")
@pytest.mark.parametrize("name", ["raylet", "gcs_server"])
def test_when_a_process_of_rays_own_dies_the_service_ends_and_fails(monkeypatch, capsys, name):
    from ray._private.worker import global_worker

    ended = []

    @contextmanager
    def running(_content, **_):
        yield launch.Running("http://127.0.0.1:1", Path("logs"))
        ended.append(True)

    lives = [sys.executable, "-c", "import time; time.sleep(600)"]
    processes = {one: subprocess.Popen(lives) for one in ("raylet", "gcs_server")}
    children = {one: [SimpleNamespace(process=child)] for one, child in processes.items()}
    monkeypatch.setattr(global_worker, "node", SimpleNamespace(all_processes=children))
    monkeypatch.setattr(launch, "running", running)
    monkeypatch.setattr(watch, "exit_at_last", lambda _: None)
    monkeypatch.setattr(watch, "WATCH_S", 0.1)
    before = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
    threading.Timer(0.5, processes[name].kill).start()
    try:
        with pytest.raises(launch.RayDiedError, match=f"Ray's {name} died"):
            launch.serve(load_config(LAPTOP, port=0))
        # The dead process wasn't reaped: otherwise Ray's workers would end, with what they hold.
        assert processes[name].returncode is None
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
        for child in processes.values():
            child.kill()
            child.wait()

    assert ended == [True]
    assert f"Ray's {name} died" in capsys.readouterr().out
