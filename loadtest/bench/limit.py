"""The limit: what the pipeline does on these cores without HTTP and without Ray."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadtest.bench.processes import PROJECT, StartError, end
from loadtest.bench.workloads import Workload
from loadtest.machine import cores
from loadtest.open_loop import percentiles_ms
from serve_graph.flags import read_flags


@dataclass(frozen=True)
class Form:
    """A way to use the cores."""

    name: str
    processes: int
    net_threads: int  # of one call of a net
    at_once: int  # photos in one process
    nets: str = "optimised"

    @property
    def arguments(self) -> list[str]:
        counts = ["--net-threads", str(self.net_threads), "--at-once", str(self.at_once)]
        return [*counts, "--nets", self.nets]


@dataclass(frozen=True)
class InProcess:
    """One workload in one form."""

    faces_per_s: float
    p50_ms: float
    nets_ms: float  # of a mean photo: what the nets compute


ONE_THREAD = Form("one thread", 1, 1, 1)
EAGER = Form("one thread, nets in eager fp32", 1, 1, 1, "eager")  # no limit: for comparison


def forms() -> list[Form]:
    """Those of which the fastest is the limit, and nets as they come out of their files."""
    count = cores()
    return [
        EAGER,
        ONE_THREAD,
        Form(f"one process, nets on {count} threads", 1, count, 1),
        Form(f"one process, {count} photos at once", 1, 1, count),
        Form(f"{count} processes", count, 1, 1),
    ]


def measure_limit(workloads: Sequence[Workload], seconds: float) -> dict[str, dict[str, InProcess]]:
    """What each form does with each workload, for so many seconds each.

    Returns:
        By the name of the workload, then by that of the form.

    Raises:
        StartError: a worker ended.
    """
    results: dict[str, dict[str, InProcess]] = {one.name: {} for one in workloads}
    with tempfile.TemporaryDirectory() as name:
        for workload in workloads:
            workload.write(Path(name) / workload.name)
        for form in forms():
            with _workers(form, Path(name)) as workers:
                for workload in workloads:
                    for worker in workers:  # all at work before the first is waited for
                        worker.write(f"{workload.name} {seconds}")
                    done = [json.loads(worker.read()) for worker in workers]
                    _check(done, workload)
                    results[workload.name][form.name] = _total(done)
    return results


def _check(done: list[dict[str, Any]], workload: Workload) -> None:
    for one in done:
        if one["faces"] != one["photos"] * workload.scene.faces:
            raise StartError(f"{workload.name}: {one['faces']} faces in {one['photos']} photos")


def _total(done: list[dict[str, Any]]) -> InProcess:
    latencies = [latency for one in done for latency in one["latencies_s"]]
    return InProcess(
        faces_per_s=sum(one["faces"] / one["seconds"] for one in done),
        p50_ms=percentiles_ms(latencies, [50])[0],
        nets_ms=1000 * sum(one["nets_s"] for one in done) / len(latencies),
    )


def _memory_flags() -> dict[str, str]:
    """How glibc keeps memory, as in the service: the limit shall have whatever helps."""
    return {name: value for name, value in read_flags().items() if name.startswith("MALLOC_")}


class _Worker:
    def __init__(self, form: Form, folder: Path) -> None:
        module = "loadtest.bench.systems.in_process"
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, str(folder), *form.arguments],
            cwd=PROJECT,
            env=os.environ | _memory_flags(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )

    def read(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline().decode()
        if not line:
            raise StartError("a worker of the limit ended: see above")
        return line

    def write(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())
        self.process.stdin.flush()


@contextmanager
def _workers(form: Form, folder: Path) -> Iterator[list[_Worker]]:
    with ExitStack() as ends:
        workers = []
        for _ in range(form.processes):
            workers.append(_Worker(form, folder))
            ends.callback(end, workers[-1].process)
        for worker in workers:
            worker.read()  # ready
        yield workers
