"""Where a service that listens on a host is found: from this machine and from others."""

import ipaddress
import socket
from contextlib import suppress

_ALL = "0.0.0.0"
_ELSEWHERE = ("192.0.2.1", 9)  # RFC 5737: nobody's


def is_loopback(host: str) -> bool:
    """Whether only this machine gets there."""
    with suppress(OSError):
        return ipaddress.ip_address(socket.gethostbyname(host)).is_loopback
    return False


def url_here(host: str, port: int) -> str:
    """What this machine opens; 0.0.0.0 is no address to call, and browsers refuse it."""
    return f"http://{'127.0.0.1' if host == _ALL else host}:{port}"


def url_for_others(host: str, port: int) -> str:
    """What the other machines of the network open."""
    return f"http://{_outer_address() if host == _ALL else host}:{port}"


def _outer_address() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, suppress(OSError):
        probe.connect(_ELSEWHERE)  # sends nothing: the system says which address it would send from
        address: str = probe.getsockname()[0]
        return address
    return socket.gethostname()
