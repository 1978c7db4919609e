"""`make bench`: our graph compared with its limit and its peers. See README.md and RESULTS.md.

    python -m loadtest.bench [--quick] [--systems fused,fastapi] [--workloads W1] [--rounds 1]

All systems run one after another, alone on the cores, and again in each round. Results are saved
after each step; a system that fails is named and left out. A wrong answer ends the whole run.
"""

import argparse
import asyncio
import math
import sys
import time
from dataclasses import replace

from loadtest.arguments import some_of
from loadtest.bench.contestants import CONTESTANTS, Contestant
from loadtest.bench.effort import FULL, QUICK, Effort
from loadtest.bench.limit import Limit, limit_of
from loadtest.bench.measure import FLOOD, Measured, measure
from loadtest.bench.peers import AbsentError
from loadtest.bench.report import markdown
from loadtest.bench.results import Record, Results
from loadtest.bench.stages import StageTime, read_stage_seconds, stage_times
from loadtest.http_client import LostError
from loadtest.judge import RefusedError, WrongAnswerError
from loadtest.machine import cores, describe, warn_if_busy
from loadtest.meter import Meter
from loadtest.objectives import FAILED, WRONG_ANSWER
from loadtest.open_loop import Plan
from loadtest.results_file import PROGRESS, publish
from loadtest.servers import StartError, end_on_signals
from loadtest.workloads import MAIN, SCENES, Workload, draw

_CORES = 2  # for which the shipped configs and the number of clients are made


class Bench:
    """One run."""

    def __init__(
        self, effort: Effort, contestants: list[Contestant], workloads: list[Workload]
    ) -> None:
        self._effort, self._contestants, self._workloads = effort, contestants, workloads
        self._start = time.monotonic()
        turns = sum(len(self._workloads_of(number)) for number in range(effort.rounds))
        self._steps = turns * (1 + len(contestants))
        self._done = 0
        self._left_out: set[str] = set()  # systems that don't come up
        self.results = Results(describe())

    def run(self) -> None:
        """Measures all rounds.

        Raises:
            WrongAnswerError: a system gave one.
        """
        self._install()
        for number in range(self._effort.rounds):
            workloads = self._workloads_of(number)
            self.results.limits.append({})
            with limit_of(workloads) as limit:
                for workload in workloads:
                    self._run_workload(number, workload, limit)

    def _install(self) -> None:
        for one in self._contestants:  # not in the middle of a round
            try:
                one.install()
            except AbsentError as error:
                self._left_out.add(one.name)
                self._fail(0, one.name, str(error))

    def _workloads_of(self, number: int) -> list[Workload]:
        """The one with the goals in all rounds, the others after it in the first."""
        main = [one for one in self._workloads if one.name == MAIN]
        others = [one for one in self._workloads if one.name != MAIN]
        return main if main and number else main + others

    def _run_workload(self, number: int, workload: Workload, limit: Limit) -> None:
        """Measures the limit, then all systems in turn, and the machine's pace between them."""
        if self._is_late_for(workload):
            self._fail(number, workload.name, "left out, the time is up")
            return
        measured = limit.measure(workload, self._effort.limit_s)
        self.results.limits[number][workload.name] = measured
        best = self.results.limit(workload.name, number)
        self._say(number, f"limit {workload.name}", f"{best:.2f} faces/s")
        self._step()
        before = self._pace(number, workload, limit)
        # Forwards and backwards in turn, so that drift within a round doesn't favour its end.
        for one in self._contestants if number % 2 == 0 else reversed(self._contestants):
            if self._is_late_for(workload):
                self._fail(number, f"{one.name} {workload.name}", "left out, the time is up")
            elif one.name not in self._left_out:
                self._run_one(one, workload, number)
                after = self._pace(number, workload, limit)
                self.results.set_paces(one.name, workload.name, number, (before, after))
                before = after
            self._step()

    def _is_late_for(self, workload: Workload) -> bool:
        is_over = time.monotonic() - self._start > self._effort.budget_s
        return is_over and workload.name != MAIN

    def _pace(self, number: int, workload: Workload, limit: Limit) -> float:
        measured = self.results.limits[number][workload.name]
        pace = limit.pace(measured, workload, self._effort.pace_s)
        self._say(number, f"pace {workload.name}", f"{pace:.2f}")
        return pace

    def _run_one(self, one: Contestant, workload: Workload, number: int) -> None:
        try:
            with one.running() as url:
                self._measure_one(one, url, workload, number)
        except (StartError, OSError) as error:
            self._left_out.add(one.name)
            self._fail(number, one.name, str(error))

    def _measure_one(self, one: Contestant, url: str, workload: Workload, number: int) -> None:
        name = f"{one.name} {workload.name}"
        try:
            asyncio.run(self._measure(one, url, workload, number))
        except (RefusedError, LostError) as error:
            self._fail(number, name, str(error))
        except WrongAnswerError as error:
            raise WrongAnswerError(f"{name}: {error}") from None
        else:
            self.results.save(PROGRESS)
            self._say(number, name, line_of(self.results.records[-1]))

    def _fail(self, number: int, name: str, why: str) -> None:
        self.results.failures.append(f"{name}, round {number + 1}: {why}")
        self._say(number, name, f"not measured: {why}")

    async def _measure(self, one: Contestant, url: str, workload: Workload, number: int) -> None:
        meter = await Meter.ready(url, workload)
        seed = 1000 * number
        measured = await measure(meter, self._effort, seed, workload.name == MAIN)
        record = Record(one.name, workload.name, number, measured)
        records = self.results.records
        records.append(record)  # kept, even if what follows fails
        if not one.is_ours:
            return
        stages = await look_inside(url, meter, self._effort.stage_requests)
        records[-1] = record = replace(record, stages=stages)
        if workload.name == MAIN:
            plan = Plan(FLOOD * measured.capacity, self._effort.flood_s, seed)
            records[-1] = replace(record, refused_p95_ms=await meter.refusals_p95_ms(plan))

    def _step(self) -> None:
        self._done += 1
        self.results.save(PROGRESS)

    def _say(self, number: int, system: str, text: str) -> None:
        spent_min = (time.monotonic() - self._start) / 60
        left = ""
        if self._done:
            left = f", {spent_min / self._done * (self._steps - self._done):.0f} to go"
        print(f"[{spent_min:.1f} min{left}] round {number + 1} {system} {text}", flush=True)


async def look_inside(url: str, meter: Meter, count: int) -> list[StageTime]:
    """Where the time of a request goes with one client."""
    before = await read_stage_seconds(url)
    client_ms, timings_ms = await meter.timed(count)
    after = await read_stage_seconds(url)
    return stage_times(before, after, count, timings_ms, client_ms)


def line_of(record: Record) -> str:
    """A record as one line of progress."""
    measured: Measured = record.measured
    text = (
        f"p50 {measured.unloaded.p50_ms:.0f} ms, p99 {measured.unloaded.p99_ms:.0f} ms, "
        f"goodput {record.goodput:.2f} faces/s "
        f"(closed-loop peak {measured.capacity * record.faces:.2f}; "
        + " ".join(
            f"{one.rate:.1f}/s {'holds' if one.holds else 'fails'}" for one in measured.trials
        )
        + ")"
    )
    if measured.overload:
        over = measured.overload.summary
        text += f", at twice the load {record.overload_share:.2f} of the best, "
        text += f"answers {over.statuses}, {over.lost} lost"
    if not math.isnan(record.refused_p95_ms):
        text += f", a 503 at {FLOOD:g} times the capacity within {record.refused_p95_ms:.0f} ms"
    return text


def main() -> int:
    """Returns the exit code."""
    end_on_signals()
    arguments = parse()
    effort = QUICK if arguments.quick else FULL
    effort = replace(effort, rounds=arguments.rounds or effort.rounds)
    warn_if_busy()
    if cores() != _CORES:
        hint = "try `taskset -c 0,1 make bench`"
        print(f"The configs are for {_CORES} cores, here are {cores()}: {hint}.", file=sys.stderr)
    print("Drawing the photos.", flush=True)
    workloads = draw(arguments.workloads)
    contestants = [one for one in CONTESTANTS if one.name in arguments.systems]
    bench = Bench(effort, contestants, workloads)
    is_whole = len(contestants) == len(CONTESTANTS) and len(workloads) == len(SCENES)
    code = 0
    try:
        bench.run()
    except WrongAnswerError as error:
        print(f"Aborted: {error}", file=sys.stderr)
        return WRONG_ANSWER
    except StartError as error:
        print(f"The limit can't be measured: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        code, is_whole = FAILED, False  # the tables show what was measured
    text = markdown(bench.results, effort, command_of(arguments))
    print(text)
    if is_whole:
        keep(bench.results, text, is_quick=arguments.quick)
    return FAILED if bench.results.failures else code


def keep(results: Results, text: str, is_quick: bool) -> None:
    """Publishes a run of everything, if it is full and nothing is missing."""
    if is_quick or results.failures:
        why = "it was quick" if is_quick else "not everything could be measured"
        print(f"\nThe numbers are in {PROGRESS}. RESULTS.md keeps the run before: {why}.")
    else:
        publish("bench", text, results.save)


def command_of(arguments: argparse.Namespace) -> str:
    """The command that measures the same again, for a run of everything."""
    if arguments.rounds:
        quick = " --quick" if arguments.quick else ""
        return f"python -m loadtest.bench{quick} --rounds {arguments.rounds}"
    return "make bench QUICK=1" if arguments.quick else "make bench"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m loadtest.bench")
    names = [one.name for one in CONTESTANTS]
    parser.add_argument("--quick", action="store_true", help="under 10 minutes")
    parser.add_argument("--rounds", type=int, help="number of rounds, instead of the default")
    parser.add_argument("--systems", type=some_of(names), default=names, help=",".join(names))
    parser.add_argument("--workloads", type=some_of([*SCENES]), default=[*SCENES])
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
