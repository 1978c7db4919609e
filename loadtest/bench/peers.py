"""A virtual environment for each peer, on top of the project's own, created when needed."""

import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

from loadtest.servers import PROJECT

FOLDER = PROJECT / ".bench"
_INSTALL_TIMEOUT_S = 600


class AbsentError(Exception):
    """A peer can't be installed here."""


def peer_python(peer: str, folder: Path = FOLDER) -> Path:
    """The Python of a peer's environment; versions are those of pyproject.toml's group `peers`.

    Packages that the project has (torch, numpy, ...) come from its environment, unless the peer's
    pins require another version.

    Raises:
        AbsentError: the peer can't be installed.
    """
    requirement = requirement_of(peer)
    home = folder / peer
    python = home / "bin" / "python"
    installed = home / "installed"
    if installed.exists() and installed.read_text() == requirement:
        return python
    print(f"Installing {requirement} into {home}", flush=True)
    _run([sys.executable, "-m", "venv", "--clear", str(home)])
    site = Path(sysconfig.get_path("purelib", vars={"base": str(home)}))
    (site / "project.pth").write_text(sysconfig.get_path("purelib") + "\n")
    _run([str(python), "-m", "pip", "install", "--disable-pip-version-check", "-q", requirement])
    installed.write_text(requirement)
    return python


def requirement_of(peer: str, pyproject: Path = PROJECT / "pyproject.toml") -> str:
    """The pinned requirement, such as `litserve==0.2.19`."""
    groups = tomllib.loads(pyproject.read_text())["project"]["optional-dependencies"]
    requirement: str = next(line for line in groups["peers"] if line.startswith(f"{peer}=="))
    return requirement


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        raise AbsentError(f"`{' '.join(command)}` took over {error.timeout:g} s") from None
    if done.returncode:
        raise AbsentError(f"`{' '.join(command)}` failed: {done.stderr.strip()[-500:]}")
