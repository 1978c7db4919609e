"""Flags, refusals and the end of `mask2face serve`, without Ray."""

import os
import signal
import socket
import threading
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from serve_graph import PROJECT, launch

LAPTOP = PROJECT / "configs" / "laptop.yaml"


@pytest.fixture
def flags(tmp_path):
    path = tmp_path / "serve.env"
    path.write_text("# why\nM2F_TEST_FLAG=1\n\n")
    yield path
    os.environ.pop("M2F_TEST_FLAG", None)


@pytest.fixture
def _no_ray(monkeypatch):
    monkeypatch.delitem(launch.sys.modules, "ray", raising=False)


@pytest.mark.usefixtures("_no_ray")
def test_flags_reach_the_environment(flags):
    launch.set_flags(flags)

    assert os.environ["M2F_TEST_FLAG"] == "1"


def test_a_flag_that_is_set_already_stays(flags, monkeypatch):
    monkeypatch.setenv("M2F_TEST_FLAG", "0")

    launch.set_flags(flags)

    assert os.environ["M2F_TEST_FLAG"] == "0"


def test_flags_that_come_too_late_are_an_error(flags, monkeypatch):
    monkeypatch.setitem(launch.sys.modules, "ray", object())

    with pytest.raises(RuntimeError, match="imported before"):
        launch.set_flags(flags)


def test_each_shipped_flag_has_its_reason():
    lines = launch.FLAGS.read_text().splitlines()

    assert all(
        before.startswith("#") or "=" in before
        for before, line in pairwise(lines)
        if "=" in line and not line.startswith("#")
    )


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
