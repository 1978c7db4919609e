"""The service under test: configs/laptop.yaml, with more replicas where a case needs them."""

import copy
import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from loadtest.bench.contestants import BIN
from loadtest.bench.processes import PROJECT, free_port, serving

CONFIG = PROJECT / "configs" / "laptop.yaml"
FLAGS = PROJECT / "configs" / "serve.env"
APP = "mask2face"


@dataclass(frozen=True)
class Graph:
    """A running service."""

    url: str
    session: int  # of its processes; the id of its first one
    temp: Path  # TMPDIR of its processes, which holds nothing of Ray's


def config_with(replicas: int, port: int, weights: Path | None = None) -> dict[str, Any]:
    """The bench's settings, but for these.

    Args:
        replicas: of each stage and of the ingress.
        port: of HTTP.
        weights: another folder of weights.
    """
    content: dict[str, Any] = copy.deepcopy(yaml.safe_load(CONFIG.read_text()))
    content["http_options"]["port"] = port
    (app,) = content["applications"]
    app["name"] = APP
    if weights is not None:
        app["args"]["weights"] = str(weights)
    for deployment in app["deployments"]:
        deployment["num_replicas"] = replicas
    return content


@contextmanager
def serving_graph(replicas: int) -> Iterator[Graph]:
    """`mask2face serve` while the block runs.

    Raises:
        StartError: it didn't come up.
    """
    port = free_port()
    with temp_folder() as folder:
        config = folder / "config.yaml"
        config.write_text(yaml.safe_dump(config_with(replicas, port)))
        command = [str(BIN / "mask2face"), "serve", str(config)]
        url = f"http://127.0.0.1:{port}"
        with serving(command, url, "/readyz", environment(folder)) as pid:
            yield Graph(url, pid, folder / "tmp")


@contextmanager
def temp_folder() -> Iterator[Path]:
    """A folder with a short path: Ray's sockets lie in it."""
    with tempfile.TemporaryDirectory(prefix="m2f", ignore_cleanup_errors=True) as name:
        (Path(name) / "tmp").mkdir()
        yield Path(name)


def environment(folder: Path) -> dict[str, str]:
    """What a service needs to keep apart from others on this machine."""
    return {
        "RAY_TMPDIR": str(folder),
        "TMPDIR": str(folder / "tmp"),
        "RAY_AUTH_TOKEN": uuid.uuid4().hex,  # else Ray writes one to the home folder
    }


def flags() -> dict[str, str]:
    """Those of configs/serve.env that this environment doesn't set otherwise."""
    lines = (line.strip() for line in FLAGS.read_text().splitlines())
    pairs = (line.split("=", 1) for line in lines if line and not line.startswith("#"))
    return {name: value for name, value in pairs if name not in os.environ}
