"""The flags of `mask2face serve`: what reaches the environment, and HAProxy's ports and folder."""

import os
import stat
from itertools import pairwise
from pathlib import Path

import pytest

from serve_graph import flags as serve_flags
from serve_graph.flags import (
    DIRECT,
    HAPROXY,
    missing_flags,
    own_door,
    read_flags,
    set_flags,
    uses_haproxy,
)


@pytest.fixture
def flags(tmp_path):
    path = tmp_path / "serve.env"
    path.write_text("# why\nM2F_TEST_FLAG=1\n\n")
    yield path
    os.environ.pop("M2F_TEST_FLAG", None)


@pytest.fixture
def _no_ray(monkeypatch):
    monkeypatch.delitem(serve_flags.sys.modules, "ray", raising=False)


@pytest.mark.usefixtures("_no_ray")
def test_flags_reach_the_environment(flags):
    set_flags(flags)

    assert os.environ["M2F_TEST_FLAG"] == "1"


def test_a_flag_that_is_set_already_stays(flags, monkeypatch):
    monkeypatch.setenv("M2F_TEST_FLAG", "0")

    set_flags(flags)

    assert os.environ["M2F_TEST_FLAG"] == "0"


def test_flags_that_come_too_late_are_an_error(flags, monkeypatch):
    monkeypatch.setitem(serve_flags.sys.modules, "ray", object())

    with pytest.raises(RuntimeError, match="imported before"):
        set_flags(flags)


def test_each_shipped_flag_has_its_reason():
    lines = serve_flags.FLAGS.read_text().splitlines()

    assert all(
        before.startswith("#") or "=" in before
        for before, line in pairwise(lines)
        if "=" in line and not line.startswith("#")
    )


def test_the_door_has_ports_and_a_private_folder_of_its_own():
    door = own_door({"RAY_SERVE_HAPROXY_STATS_PORT": "8404"})

    folder = Path(door["RAY_SERVE_HAPROXY_SOCKET_PATH"]).parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert "RAY_SERVE_HAPROXY_STATS_PORT" not in door
    assert door["RAY_SERVE_HAPROXY_METRICS_PORT"] != "9101"


def test_without_haproxy_rays_own_proxy_is_the_door(flags, monkeypatch):
    flags.write_text(f"{HAPROXY}=1\n{DIRECT}=1\n")
    monkeypatch.setattr(serve_flags, "has_haproxy", lambda _: False)

    assert missing_flags({}, flags) == {HAPROXY: "0", DIRECT: "0"}
    assert not uses_haproxy({}, flags)


def test_haproxy_gets_a_door_of_its_own(flags, monkeypatch):
    flags.write_text(f"{HAPROXY}=1\n")
    monkeypatch.setattr(serve_flags, "has_haproxy", lambda _: True)

    missing = missing_flags({}, flags)

    assert uses_haproxy({}, flags)
    assert missing[HAPROXY] == "1"
    assert missing.keys() >= own_door({}).keys()


def test_haproxy_that_was_switched_off_stays_off(flags, monkeypatch):
    flags.write_text(f"{HAPROXY}=1\n")
    monkeypatch.setattr(serve_flags, "has_haproxy", lambda _: True)

    assert missing_flags({HAPROXY: "0"}, flags) == {}


def test_the_shipped_flags_ask_for_haproxy_and_the_direct_way_to_the_replicas():
    shipped = read_flags()

    assert (shipped[HAPROXY], shipped[DIRECT]) == ("1", "1")
