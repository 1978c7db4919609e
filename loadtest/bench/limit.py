"""The limit: what the pipeline does on these cores without HTTP and without Ray."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadtest.machine import cores
from loadtest.open_loop import percentiles_ms
from loadtest.servers import PROJECT, StartError, end, memory_flags
from loadtest.workloads import Workload

_TURNS = 4  # of each form, per workload


@dataclass(frozen=True)
class Form:
    """One way to use the cores."""

    name: str
    processes: int
    net_threads: int  # per call of a net
    at_once: int  # photos at a time in one process
    nets: str = "optimised"

    @property
    def is_one_by_one(self) -> bool:
        """One photo at a time per process, and the nets as served, on one thread."""
        return self.net_threads == self.at_once == 1 and self.nets == "optimised"

    @property
    def arguments(self) -> list[str]:
        counts = ["--net-threads", str(self.net_threads), "--at-once", str(self.at_once)]
        return [*counts, "--nets", self.nets]


@dataclass(frozen=True)
class InProcess:
    """Numbers of one workload in one form."""

    faces_per_s: float
    p50_ms: float
    nets_ms: float  # mean time in the nets per photo


ONE_THREAD = Form("one thread", 1, 1, 1)
EAGER = Form("one thread, nets in eager fp32", 1, 1, 1, "eager")  # never the limit: for comparison


def forms() -> list[Form]:
    """The forms whose fastest is the limit, and one with eager nets."""
    count = cores()
    return [
        EAGER,
        ONE_THREAD,
        Form(f"one process, nets on {count} threads", 1, count, 1),
        Form(f"one process, {count} photos at once", 1, 1, count),
        Form(f"{count} processes", count, 1, 1),
    ]


class Limit:
    """The workers of all forms: ready to work, and using no cores while idle.

    Args:
        crews: the workers of each form, see `limit_of`.
    """

    def __init__(self, crews: "Mapping[Form, list[_Worker]]") -> None:
        self._crews = crews

    def measure(self, workload: Workload, seconds: float) -> dict[str, InProcess]:
        """Measures each form on a workload, for `seconds` each.

        The forms take short turns, so that all see the machine in the same state.

        Returns:
            The numbers by the form's name.

        Raises:
            StartError: a worker ended.
        """
        done: dict[Form, list[dict[str, Any]]] = {form: [] for form in self._crews}
        for form, crew in [*self._crews.items()] * _TURNS:
            done[form] += _turn(crew, workload, seconds / _TURNS)
        return {form.name: total(form, all_) for form, all_ in done.items()}

    def pace(self, measured: Mapping[str, InProcess], workload: Workload, seconds: float) -> float:
        """How fast the machine is now, relative to when the limit was measured.

        Args:
            measured: from `measure` with this workload; its fastest form runs again.
            workload: what it runs on.
            seconds: how long it runs.

        Raises:
            StartError: a worker ended.
        """
        name, limit = fastest(measured)
        form = next(one for one in self._crews if one.name == name)
        return total(form, _turn(self._crews[form], workload, seconds)).faces_per_s / limit


@contextmanager
def limit_of(workloads: Sequence[Workload]) -> Iterator[Limit]:
    """Runs the limit's workers, warmed up, while the block runs.

    Raises:
        StartError: one ended.
    """
    with tempfile.TemporaryDirectory() as name, ExitStack() as ends:
        for workload in workloads:
            workload.write(Path(name) / workload.name)
        crews = {form: ends.enter_context(_workers(form, Path(name))) for form in forms()}
        yield Limit(crews)


def _turn(crew: "list[_Worker]", workload: Workload, seconds: float) -> list[dict[str, Any]]:
    for worker in crew:  # start all before waiting for the first
        worker.write(f"{workload.name} {seconds}")
    done = [json.loads(worker.read()) for worker in crew]
    for one in done:
        if one["faces"] != one["photos"] * workload.scene.faces:
            raise StartError(f"{workload.name}: {one['faces']} faces in {one['photos']} photos")
    return done


def fastest(measured: Mapping[str, InProcess]) -> tuple[str, float]:
    """Name and faces/s of the fastest form, which is the limit; never the one with eager nets."""
    rates = {name: one.faces_per_s for name, one in measured.items() if name != EAGER.name}
    name = max(rates, key=rates.__getitem__)
    return name, rates[name]


def total(form: Form, done: Sequence[Mapping[str, Any]]) -> InProcess:
    """Sums up all turns of a form's workers."""
    latencies = [latency for one in done for latency in one["latencies_s"]]
    a_process = sum(one["faces"] for one in done) / sum(one["seconds"] for one in done)
    return InProcess(
        faces_per_s=form.processes * a_process,
        p50_ms=percentiles_ms(latencies, [50])[0],
        nets_ms=1000 * sum(one["nets_s"] for one in done) / len(latencies),
    )


class _Worker:
    def __init__(self, form: Form, folder: Path) -> None:
        module = "loadtest.bench.systems.in_process"
        # Eager nets stand for a first version, which wouldn't have the flags.
        flags = {} if form.nets == "eager" else memory_flags()
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, str(folder), *form.arguments],
            cwd=PROJECT,
            env=os.environ | flags,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            process_group=0,
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
