"""The service under test: configs/laptop.yaml, with more replicas where a case needs them."""

import copy
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from loadtest.servers import BIN, PROJECT, serving
from serve_graph.flags import free_port

CONFIG = PROJECT / "configs" / "laptop.yaml"
FUSED = PROJECT / "configs" / "fused.yaml"
APP = "mask2face"


@dataclass(frozen=True)
class Graph:
    """A running service."""

    url: str
    session: int  # session of its processes: the id of the first one
    temp: Path  # TMPDIR of its processes; Ray's files are elsewhere


def config_with(
    replicas: int | None, port: int, weights: Path | None = None, config: Path = CONFIG
) -> dict[str, Any]:
    """The settings in `config`, with these changes.

    Args:
        replicas: of each stage and of the ingress; None: as in the file.
        port: for HTTP.
        weights: another weights folder.
        config: the configuration file.
    """
    content: dict[str, Any] = copy.deepcopy(yaml.safe_load(config.read_text()))
    content["http_options"]["port"] = port
    (app,) = content["applications"]
    app["name"] = APP
    if weights is not None:
        app["args"]["weights"] = str(weights)
    if replicas is not None:
        for deployment in app["deployments"]:
            deployment["num_replicas"] = replicas
    return content


@contextmanager
def serving_graph(replicas: int | None, config: Path = CONFIG) -> Iterator[Graph]:
    """Runs `mask2face serve` with `config_with` while the block runs.

    Raises:
        StartError: it didn't come up.
    """
    port = free_port()
    with temp_folder() as folder:
        changed = folder / "config.yaml"
        changed.write_text(yaml.safe_dump(config_with(replicas, port, config=config)))
        command = [str(BIN / "mask2face"), "serve", str(changed)]
        url = f"http://127.0.0.1:{port}"
        with serving(command, url, "/readyz", environment(folder), own_session=True) as pid:
            yield Graph(url, pid, folder / "tmp")


@contextmanager
def temp_folder() -> Iterator[Path]:
    """A folder with a short path, since it holds Ray's sockets."""
    with tempfile.TemporaryDirectory(prefix="m2f", ignore_cleanup_errors=True) as name:
        (Path(name) / "tmp").mkdir()
        yield Path(name)


def environment(folder: Path) -> dict[str, str]:
    """Variables that keep a service apart from others on this machine."""
    return {
        "RAY_TMPDIR": str(folder),
        "TMPDIR": str(folder / "tmp"),
        "RAY_AUTH_TOKEN": uuid.uuid4().hex,  # or Ray writes one to the home folder
    }
