"""URLs of a service that listens on a host: for this machine and for others."""

import ipaddress
import socket
from contextlib import suppress

_ALL = "0.0.0.0"
_ELSEWHERE = ("192.0.2.1", 9)  # RFC 5737: reserved for documentation


def is_loopback(host: str) -> bool:
    """True if only this machine can reach the host."""
    with suppress(OSError):
        return ipaddress.ip_address(socket.gethostbyname(host)).is_loopback
    return False


def url_here(host: str, port: int) -> str:
    """The URL for this machine; 0.0.0.0 isn't an address to call, and browsers refuse it."""
    return f"http://{'127.0.0.1' if host == _ALL else host}:{port}"


def url_for_others(host: str, port: int) -> str:
    """The URL for other machines on the network."""
    return f"http://{_outer_address() if host == _ALL else host}:{port}"


def _outer_address() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, suppress(OSError):
        probe.connect(_ELSEWHERE)  # sends nothing: the system only picks the source address
        address: str = probe.getsockname()[0]
        return address
    return socket.gethostname()
