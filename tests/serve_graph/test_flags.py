"""The flags of `mask2face serve`: what reaches the environment; HAProxy's ports and folder."""

import os
import socket
import stat
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from serve_graph import flags as serve_flags
from serve_graph.api.intake import MAX_UPLOAD_S
from serve_graph.flags import (
    BINARY,
    DIRECT,
    HAPROXY,
    WRAPPED,
    WRAPPER,
    free_port,
    haproxy_flags,
    missing_flags,
    read_flags,
    set_flags,
    uses_haproxy,
)
from serve_graph.settings import MAX_TAKING_S, ApiSettings

# Linux alone has the whole of 127.0.0.0/8.
ADDRESSES = ["127.0.0.1", "127.0.0.2"] if sys.platform == "linux" else ["127.0.0.1"]


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
    door = haproxy_flags({"RAY_SERVE_HAPROXY_STATS_PORT": "8404"})

    folder = Path(door["RAY_SERVE_HAPROXY_SOCKET_PATH"]).parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert "RAY_SERVE_HAPROXY_STATS_PORT" not in door
    assert door["RAY_SERVE_HAPROXY_METRICS_PORT"] != "9101"


def test_free_ports_differ_and_are_none_that_outgoing_connections_get():
    ports = [free_port() for _ in range(20)]

    assert len(set(ports)) == 20
    assert max(ports) < 32_768  # from here on Linux assigns them to outgoing connections


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_port_that_somebody_listens_on_is_passed_over(monkeypatch, address):
    with socket.socket() as taken, socket.socket() as other:
        taken.bind((address, 0))
        other.bind(("127.0.0.1", 0))
        names = [one.getsockname()[1] for one in (taken, other)]
        other.close()
        monkeypatch.setattr(serve_flags, "_untried", iter(names))

        assert free_port() == names[1]
        with pytest.raises(OSError, match="stop a program"):
            free_port()


def test_haproxys_other_ports_leave_the_services_own_free(flags, monkeypatch):
    ports = [free_port() for _ in range(5)]
    monkeypatch.setattr(serve_flags, "_untried", iter(ports))
    monkeypatch.setattr(serve_flags, "find_haproxy", lambda _: "/bin/haproxy")
    flags.write_text(f"{HAPROXY}=1\n")

    missing = missing_flags({}, flags, http_port=ports[0])

    taken = {value for name, value in missing.items() if name.endswith("_PORT")}
    assert taken == {str(port) for port in ports[1:]}


def test_without_haproxy_rays_own_proxy_is_the_door(flags, monkeypatch):
    flags.write_text(f"{HAPROXY}=1\n{DIRECT}=1\n")
    monkeypatch.setattr(serve_flags, "find_haproxy", lambda _: None)

    assert missing_flags({}, flags) == {HAPROXY: "0", DIRECT: "0"}
    assert not uses_haproxy({}, flags)


def test_haproxy_gets_a_door_of_its_own(flags, monkeypatch):
    flags.write_text(f"{HAPROXY}=1\n")
    monkeypatch.setattr(serve_flags, "find_haproxy", lambda _: "/bin/haproxy")

    missing = missing_flags({}, flags)

    assert uses_haproxy({}, flags)
    assert missing[HAPROXY] == "1"
    assert missing.keys() >= haproxy_flags({}).keys()
    assert (missing[BINARY], missing[WRAPPED]) == (str(WRAPPER), "/bin/haproxy")


def test_a_haproxy_that_was_chosen_stays(flags):
    flags.write_text(f"{HAPROXY}=1\n")

    missing = missing_flags({BINARY: "/opt/haproxy"}, flags)

    assert missing[HAPROXY] == "1"
    assert not missing.keys() & {BINARY, WRAPPED}


def test_haproxy_that_was_switched_off_stays_off(flags, monkeypatch):
    flags.write_text(f"{HAPROXY}=1\n")
    monkeypatch.setattr(serve_flags, "find_haproxy", lambda _: "/bin/haproxy")

    assert missing_flags({HAPROXY: "0"}, flags) == {}


def test_the_shipped_flags_ask_for_haproxy_and_the_direct_way_to_the_replicas():
    shipped = read_flags()

    assert (shipped[HAPROXY], shipped[DIRECT]) == ("1", "1")


ROUTES, NONE = "backend http-mask2face\n", "backend default_backend\n"


@pytest.fixture
def door(tmp_path):
    """Starts the wrapper as Ray does; returns what the program that replaces it reads."""
    program = tmp_path / "haproxy"
    program.write_text('#!/bin/sh\nwhile [ "$1" != -f ]; do shift; done\ncat "$2"\n')
    program.chmod(0o755)

    def start(config, *arguments):
        path = tmp_path / "haproxy.cfg"
        path.write_text(config)
        call = [WRAPPER, "-db", "-f", path, "-dR", *arguments]
        return subprocess.run(
            call, env=os.environ | {WRAPPED: str(program)}, check=True, capture_output=True
        ).stdout.decode()

    return start


def test_a_first_door_starts_as_it_is_told(door):
    assert door(NONE) == NONE
    assert door(ROUTES) == ROUTES


def test_a_door_after_one_that_died_has_its_routes(door):
    door(ROUTES, "-sf", "7")

    assert door(NONE) == ROUTES


@pytest.mark.parametrize("former", ["0.0.0.0:8000", "127.0.0.1:8000", "0.0.0.0:9000"])
def test_a_door_of_a_former_serve_opens_nothing_any_more(door, former):
    there, here = (f"frontend all\n    bind {one}\n" for one in (former, "127.0.0.1:9000"))
    door(there + ROUTES, "-sf", "7")

    assert door(here + NONE) == here + NONE
    assert door(there + NONE) == there + NONE  # its routes are gone for good
    door(here + ROUTES, "-sf", "7")
    assert door(here + NONE) == here + ROUTES


def test_a_reload_without_routes_is_kept(door):
    door(ROUTES)

    assert door(NONE, "-sf", "7") == NONE


def test_who_does_not_end_his_header_is_cut_off(door):
    kept = door("defaults\n    mode http\n" + ROUTES)

    assert kept == "defaults\n    timeout http-request 10s\n    mode http\n" + ROUTES
    assert door(kept) == kept


def test_the_rules_for_requests_are_added_once(door):
    kept = door("frontend http_frontend\n    bind 127.0.0.1:9000\n" + ROUTES)

    first, *rules, bind, routes = kept.splitlines()
    assert (first, bind, routes + "\n") == (
        "frontend http_frontend",
        "    bind 127.0.0.1:9000",
        ROUTES,
    )
    assert len(rules) == 5
    assert all(one.startswith("    http-request ") for one in rules)
    assert door(kept) == kept


def test_the_door_tells_no_syslog_of_the_callers():
    assert read_flags()["RAY_SERVE_HAPROXY_LOG_TARGET"] == "127.0.0.1:9"


def test_the_door_waits_longer_than_an_upload_may_take():
    client_s = float(read_flags()["RAY_SERVE_HAPROXY_TIMEOUT_CLIENT_S"])

    assert client_s > MAX_UPLOAD_S


def test_a_reloaded_door_lives_as_long_as_a_request_and_its_answer_may_take():
    stop_s = float(read_flags()["RAY_SERVE_HAPROXY_HARD_STOP_AFTER_S"])

    assert stop_s > ApiSettings().max_timeout_s + MAX_TAKING_S
