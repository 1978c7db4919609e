"""The servers that are compared, and how each is started."""

import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from loadtest.bench.peers import peer_python
from loadtest.machine import cores
from loadtest.servers import BIN, memory_flags, serving
from serve_graph.flags import free_port

# The sender stands for callers on other machines, so it takes precedence over the servers (which
# share its session: see `serving`).
_BEHIND_THE_SENDER = ["nice", "-n", "5"]
_SYSTEMS = "loadtest.bench.systems"


@dataclass(frozen=True)
class Contestant:
    """One server."""

    name: str
    command: Callable[[int], list[str]]  # for serving on a port
    ready_path: str = "/readyz"
    environment: dict[str, str] = field(default_factory=dict)
    is_ours: bool = False

    def install(self) -> None:
        """Installs what the server needs, which is done once.

        Raises:
            AbsentError: the server can't be installed.
        """
        self.command(0)

    @contextmanager
    def running(self) -> Iterator[str]:
        """Runs the server on a free port while the block runs, and yields its URL.

        Raises:
            AbsentError: the server can't be installed.
            StartError: it didn't come up.
        """
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        command = [*_BEHIND_THE_SENDER, *self.command(port)]
        # A short path, since it holds Ray's sockets. BentoML keeps its store there.
        with tempfile.TemporaryDirectory(prefix="m2f", ignore_cleanup_errors=True) as temp:
            own = {"RAY_TMPDIR": temp, "BENTOML_HOME": temp, "BENTOML_DO_NOT_TRACK": "True"}
            token = {"RAY_AUTH_TOKEN": uuid.uuid4().hex}  # or Ray writes one to the home folder
            with serving(command, url, self.ready_path, own | token | self.environment):
                yield url


def _ours(config: str) -> Callable[[int], list[str]]:
    return lambda port: [
        str(BIN / "mask2face"),
        "serve",
        f"configs/{config}.yaml",
        "--port",
        str(port),
    ]


def _fastapi(port: int) -> list[str]:
    module = f"{_SYSTEMS}.fastapi_app:app"
    # By default a worker still loading torch and the nets after 5 s is killed, again and again.
    workers = ["--workers", str(cores()), "--timeout-worker-healthcheck", "60"]
    address = ["--host", "127.0.0.1", "--port", str(port)]
    return [sys.executable, "-m", "uvicorn", module, *workers, *address, "--no-access-log"]


def _litserve(port: int) -> list[str]:
    return [str(peer_python("litserve")), "-m", f"{_SYSTEMS}.litserve_server", str(port)]


def _bentoml(port: int) -> list[str]:
    program = peer_python("bentoml").with_name("bentoml")
    service = f"{_SYSTEMS}.bentoml_service:Unmask"
    return [str(program), "serve", service, "--host", "127.0.0.1", "--port", str(port)]


CONTESTANTS = (
    Contestant("fused", _ours("fused"), is_ours=True),
    Contestant("fastapi", _fastapi, environment=memory_flags()),
    Contestant("split", _ours("laptop"), is_ours=True),
    Contestant("litserve", _litserve, ready_path="/health", environment=memory_flags()),
    Contestant("fastapi-eager", _fastapi, environment={"NETS": "eager"}),
    Contestant("bentoml", _bentoml, environment=memory_flags()),
)
PEERS_WITH_OUR_NETS = ("fastapi", "litserve", "bentoml")
