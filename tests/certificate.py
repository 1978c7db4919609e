"""A certificate for 127.0.0.1, made anew by the program openssl."""

import shutil
import subprocess
from pathlib import Path

import pytest


def write_certificate(folder: Path) -> None:
    """Writes the files `crt` and `key`; skips the test where openssl isn't installed."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl isn't installed")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1"
    command += " -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 -keyout key -out crt"
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
