"""`make chaos`: kills parts of the running service under load and counts what the clients lose.

    python -m loadtest.chaos [--cases inpaint,door] [--rate 5] [--seed 1]

Only processes that this program started are killed. Results are saved in runs/loadtest after each
case; a run that measured all cases replaces the last one in loadtest/RESULTS.md. Exit code 1: a
demand was missed or something couldn't be measured.
"""

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial

from loadtest.arguments import some_of
from loadtest.chaos.answers import Exam
from loadtest.chaos.cases import (
    BACK_S,
    CASES,
    CONTROL,
    DRAIN,
    END_BURST,
    HELD_ANSWERED,
    KEYS,
    KILL_BURST,
    UNDISTURBED,
    UPDATE,
    UPDATED,
    UPDATED_S,
    Case,
    load_after_s,
)
from loadtest.chaos.damage import damage_of_end
from loadtest.chaos.processes import (
    ProcessesError,
    kill,
    wait_for,
    wait_for_end,
    wait_for_work,
)
from loadtest.chaos.report import Report, Row, show_count, show_return
from loadtest.chaos.run import (
    BEFORE_S,
    Burst,
    Load,
    Seen,
    UnfitError,
    each,
    judge,
    measure_load,
    send_around,
)
from loadtest.chaos.service import FUSED, Graph, serving_graph
from loadtest.chaos.update import Cluster, make_other_weights, serving_cluster
from loadtest.http_client import LostError
from loadtest.judge import WrongAnswerError
from loadtest.machine import describe, warn_if_busy
from loadtest.objectives import FAILED
from loadtest.open_loop import Plan
from loadtest.results_file import PROGRESS, publish
from loadtest.servers import END_TIMEOUT_S, StartError, end_on_signals

SHARE = 0.5  # of the capacity
SEED = 1
BACK_TIMEOUT_S = 90.0  # until the killed process is replaced
TAKEN_IN_S = 0.1  # until the requests of a burst are inside the service
WORK_TIMEOUT_S = 5.0  # until the process to be killed has work
ENDING_S = 30.0  # the load continues for this long after it
CONTROL_NAME, DRAIN_NAME = "nothing (for comparison)", "SIGTERM: the end of the service"
FUSED_NAME, UPDATE_NAME = f"{DRAIN_NAME}, fused", "rolling update (serve deploy)"
_OTHERS = {2: CONTROL, 1: DRAIN}  # the other case for a graph with this many replicas
FAILURES = (
    *(StartError, UnfitError, WrongAnswerError, LostError, ProcessesError, OSError),
    subprocess.SubprocessError,
)


class Chaos:
    """One run."""

    def __init__(self, keys: list[str], rate: float | None, seed: int) -> None:
        self._keys, self._rate, self._seed = {*keys}, rate, seed
        self._exam = Exam.drawn()
        self._start = time.monotonic()
        self.report = Report(describe())

    def run(self) -> None:
        """Runs all chosen incidents."""
        cases = [case for case in CASES if case.key in self._keys]
        for replicas in (2, 1):
            chosen = [case for case in cases if case.replicas == replicas]
            if chosen or _OTHERS[replicas] in self._keys:
                self._try(f"{replicas} replica(s)", partial(self._serve, replicas, chosen))
        if DRAIN in self._keys:
            self._try(FUSED_NAME, self._drain_fused)
        if UPDATE in self._keys:
            self._try(UPDATE_NAME, self._update)

    def _serve(self, replicas: int, cases: list[Case]) -> None:
        with serving_graph(replicas) as graph:
            load = self._measure(graph)
            others = {_OTHERS[replicas]} & self._keys
            if CONTROL in others:
                self._try(CONTROL_NAME, partial(self._leave_alone, graph, load))
            for case in cases:
                self._try(case.name, partial(self._kill, graph, load, case))
            if DRAIN in others:
                self._drain(DRAIN_NAME, graph, load)

    def _measure(self, graph: Graph) -> Load:
        load = asyncio.run(measure_load(graph.url, self._exam, SHARE, self._rate))
        self._say(
            f"unloaded p50 {load.p50_ms:.0f} ms, capacity {load.capacity:.1f}/s, "
            f"load {load.rate:.1f}/s"
        )
        return load

    def _leave_alone(self, graph: Graph, load: Load) -> None:
        async def strike() -> None:
            pass

        around = send_around(graph.url, self._exam, self._plan(load, BACK_S), strike)
        damage = judge(asyncio.run(around), self._exam, load)
        self._add(Row(CONTROL_NAME, UNDISTURBED, load, damage))

    def _kill(self, graph: Graph, load: Load, case: Case) -> None:
        wait = partial(wait_for, graph.session, case.title, case.processes, BACK_TIMEOUT_S)
        victim = wait()[0]

        async def is_at_work() -> None:
            await asyncio.sleep(TAKEN_IN_S)
            if case.is_replica:
                await wait_for_work(victim, WORK_TIMEOUT_S)

        async def strike() -> None:
            kill(victim)

        burst, plan = Burst(KILL_BURST, case.only_references), self._plan(load, case.back_s)
        around = send_around(graph.url, self._exam, plan, strike, burst, is_at_work)
        concerns = self._exam.has_reference if case.only_references else each
        damage = judge(asyncio.run(around), self._exam, load, concerns=concerns)
        self._add(Row(case.name, case.must, load, damage))
        wait()  # the next case starts with a complete service

    def _drain_fused(self) -> None:
        with serving_graph(None, FUSED) as graph:
            self._drain(FUSED_NAME, graph, self._measure(graph))

    def _drain(self, name: str, graph: Graph, load: Load) -> None:
        """SIGTERM with requests inside; callers don't know of it and keep coming."""

        async def strike() -> None:
            os.kill(graph.session, signal.SIGTERM)

        async def are_inside() -> None:
            await asyncio.sleep(TAKEN_IN_S)

        plan = Plan(load.rate, BEFORE_S + ENDING_S, self._seed)
        around = send_around(graph.url, self._exam, plan, strike, Burst(END_BURST), are_inside)
        damage = judge(asyncio.run(around), self._exam, load, damage_of_end, each)
        self._add(Row(name, HELD_ANSWERED, load, damage))
        wait_for_end(graph.session, END_TIMEOUT_S)  # a second signal would cut its shutdown short

    def _update(self) -> None:
        with serving_cluster() as cluster:
            load = self._measure(cluster.graph)
            seen, notes = asyncio.run(self._update_under_load(cluster, load))
            damage = judge(seen, self._exam, load)
            self._add(Row(UPDATE_NAME, UPDATED, load, damage, notes))

    async def _update_under_load(self, cluster: Cluster, load: Load) -> tuple[Seen, list[str]]:
        exam, url = self._exam, cluster.graph.url
        before = await exam.learn(url)
        strike = partial(cluster.deploy, make_other_weights(cluster.folder))
        around = await send_around(url, exam, self._plan(load, UPDATED_S), strike)
        seen = dict(exam.versions)
        after = await exam.learn(url)
        self._say(f"answers by X-Model-Version: {seen}, at the end {after}")
        notes = [] if after != before else [f"{before} still answers in the end"]
        return around, notes

    def _plan(self, load: Load, back_s: float) -> Plan:
        return Plan(load.rate, BEFORE_S + load_after_s(back_s, load.rate), self._seed)

    def _try(self, name: str, work: Callable[[], None]) -> None:
        try:
            work()
        except FAILURES as error:
            self.report.failures.append(f"{name}: not measured: {error}")
            self._say(f"{name}: not measured: {error}")
        self.report.save(PROGRESS)

    def _add(self, row: Row) -> None:
        self.report.rows.append(row)
        damage = row.damage
        self._say(
            f"{row.name}: {show_count(damage.in_flight)} in flight, "
            f"{damage.answered} of {damage.sent} answered, {damage.refused} x 503, "
            f"{damage.closed} x closed, {damage.lost} lost, gap {damage.longest_gap_s:.1f} s, "
            f"p99 back, s: {show_return(damage.recovered_s)}: {row.verdict}"
        )

    def _say(self, text: str) -> None:
        print(f"[{(time.monotonic() - self._start) / 60:.1f} min] {text}", flush=True)


def main() -> int:
    """Returns the exit code."""
    end_on_signals()
    arguments = parse()
    warn_if_busy()
    chaos = Chaos(arguments.cases, arguments.rate, arguments.seed)
    chaos.run()
    text = chaos.report.markdown()
    print(text)
    if {*arguments.cases} != {*KEYS} or chaos.report.failures:
        print("Not kept: not all cases were measured.")
    elif arguments.rate is not None or arguments.seed != SEED:
        print("Not kept: at a rate or with a seed of its own.")
    else:
        publish("chaos", text, chaos.report.save)
    return 0 if chaos.report.all_met else FAILED


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m loadtest.chaos")
    parser.add_argument("--cases", type=some_of(KEYS), default=[*KEYS], help=",".join(KEYS))
    parser.add_argument("--rate", type=float, help="requests/s, instead of half the capacity")
    parser.add_argument("--seed", type=int, default=SEED, help="of the arrivals")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
