from pathlib import Path

import pytest

from loadtest import http_client
from tests.certificate import write_certificate


@pytest.fixture(scope="session")
def certificate_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificate")
    write_certificate(folder)
    return folder


@pytest.fixture
def certificate(certificate_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a certificate of 127.0.0.1, which the load test trusts."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate_folder / "crt"))
    monkeypatch.setattr(http_client, "_tls", http_client._tls.__wrapped__)
    return certificate_folder
