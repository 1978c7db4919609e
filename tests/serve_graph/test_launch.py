"""Flags, refusals and the end of `mask2face serve`, without Ray."""

import asyncio
import os
import signal
import socket
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from serve_graph import PROJECT, launch

LAPTOP = PROJECT / "configs" / "laptop.yaml"


def test_a_broken_config_is_refused_before_anything_starts(tmp_path, monkeypatch):
    monkeypatch.setattr(launch, "running", None)
    path = tmp_path / "broken.yaml"
    path.write_text(LAPTOP.read_text().replace("max_queued_requests", "max_queue_requests"))

    with pytest.raises(launch.ConfigError, match="did you mean 'max_queued_requests'"):
        launch.serve(path)


def test_text_that_is_no_yaml_is_refused(tmp_path):
    path = tmp_path / "broken.yaml"
    path.write_text("applications: [")

    with pytest.raises(launch.ConfigError, match=r"broken\.yaml"):
        launch.read_config(path)


def test_the_end_waits_no_longer_than_the_longest_request_may_take(monkeypatch):
    from ray import serve

    steps = []

    async def drain(names):
        steps.append(names)
        await asyncio.sleep(60)

    async def shut_down():
        steps.append("shut down")

    monkeypatch.setattr(launch, "_drain", drain)
    monkeypatch.setattr(launch, "LINGER_S", 0)
    monkeypatch.setattr(serve, "shutdown_async", shut_down)
    apps = [
        {"name": "one", "args": {"api": {"max_timeout_s": 0.1}}},
        {"name": "two", "args": {"api": {"max_timeout_s": 0.2}}},
    ]

    asyncio.run(launch._end({"applications": apps}))

    assert steps == [["one", "two"], "shut down"]


@pytest.fixture
def _in_order(monkeypatch):
    monkeypatch.setattr(launch, "check_config", lambda *_: [])


@pytest.mark.usefixtures("_in_order")
def test_a_taken_port_is_refused(monkeypatch):
    monkeypatch.setattr(launch, "running", None)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()

        with pytest.raises(launch.ConfigError, match="try --port"):
            launch.serve(LAPTOP, port=other.getsockname()[1])


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
        launch.serve(LAPTOP, port=0, num_gpus=2)
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)

    assert ended == [True]
