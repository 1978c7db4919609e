import subprocess
import sys

import pytest

from loadtest.bench import peers
from loadtest.bench.contestants import CONTESTANTS, Contestant
from loadtest.bench.peers import AbsentError, peer_python, requirement_of
from loadtest.servers import StartError


@pytest.mark.parametrize("peer", ["litserve", "bentoml"])
def test_a_peer_is_pinned(peer):
    assert requirement_of(peer).startswith(f"{peer}==")


def test_an_installation_that_hangs_makes_a_peer_absent(monkeypatch, tmp_path):
    def hang(command, timeout, **_):
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(peers.subprocess, "run", hang)

    with pytest.raises(AbsentError, match="took over 600 s"):
        peer_python("litserve", tmp_path)


def test_our_two_shapes_take_part():
    assert {one.name for one in CONTESTANTS if one.is_ours} == {"fused", "split"}


def test_a_server_that_ends_is_named_with_its_log():
    broken = Contestant("broken", lambda _port: [sys.executable, "-c", "print('no weights')"])

    with pytest.raises(StartError, match="exit code 0\nno weights"), broken.running():
        pass


def test_a_server_ends_with_the_block():
    import httpx

    def command(port: int) -> list[str]:
        return [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]

    with Contestant("files", command, ready_path="/").running() as url:
        assert httpx.get(url).status_code == 200
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)
