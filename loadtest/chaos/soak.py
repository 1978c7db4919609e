"""`make soak MINUTES=20`: load for a long time; checks whether the service leaves anything behind.

    python -m loadtest.chaos.soak [--minutes 20] [--rate 5]

Open-loop load at 0.7 of the capacity on configs/laptop.yaml. Exit code 1: a process grew or was
replaced, files were left, or requests failed. Up to 1 % may get 503: the queue is bounded, and
Poisson arrivals bunch. Slow growth of Ray's own processes is only shown in the table. A run of 20
minutes or more replaces the last one in loadtest/RESULTS.md.
"""

import argparse
import asyncio
import sys
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from loadtest.chaos.answers import Exam
from loadtest.chaos.memory import (
    OTHERS_MB_PER_H,
    PARTS,
    SLOW_MB_PER_H,
    SMALL_MB,
    SMALL_SHARE,
    Memory,
    Trend,
)
from loadtest.chaos.run import TIMEOUT_S, Load, measure_load
from loadtest.chaos.service import Graph, serving_graph
from loadtest.machine import describe, warn_if_busy
from loadtest.objectives import FAILED
from loadtest.open_loop import Plan, Summary, send, summary
from loadtest.results_file import publish, table, write_json
from loadtest.servers import end_on_signals

FULL_MINUTES = 20.0  # a shorter run shows slow growth too poorly to be published
SHARE = 0.7  # of the capacity
WARM_UP_SHARE = 0.25  # of the time
MOST_REFUSED = 0.01  # share of the requests that may get 503
SAMPLES = 120
_TERMS = f"""\
The first quarter is warm-up. The rest is cut into {PARTS} equal parts. A process grows if the
median of its own memory (without what it shares with others) rises from each part to the next, no
single rise is more than half of the whole, as a jump would be, and the slope is over
{SLOW_MB_PER_H:g} MB/h. It rose much if it gained at least {SMALL_MB:g} MB and {SMALL_SHARE:.0%} in
all, whatever its course, and, if it doesn't run our code, over {OTHERS_MB_PER_H:g} MB/h. The soak
fails if a process of our code grows or any process rose much."""


@dataclass(frozen=True)
class Soaked:
    """The findings of a soak."""

    minutes: float
    load: Load
    summary: Summary
    trends: list[Trend]
    came_and_went: list[str]  # after the warm-up: a leak may have ended with a process
    files: list[str]  # in the service's temp folder after the load
    ray_mb: float  # logs and sockets of Ray's session

    @property
    def is_clean(self) -> bool:
        result = self.summary
        return (
            result.right + result.refused == result.sent
            and result.refused <= MOST_REFUSED * result.sent
            and bool(self.trends)
            and all(one.is_flat for one in self.trends if one.is_ours)
            and not any(one.grew_much for one in self.trends)
            and not self.came_and_went
            and not self.files
        )


def soak(graph: Graph, minutes: float, rate: float | None) -> Soaked:
    """Loads a service and watches its memory.

    Raises:
        UnfitError: it fails before the soak.
    """
    exam = Exam.drawn()
    load = asyncio.run(measure_load(graph.url, exam, SHARE, rate))
    print(f"unloaded p50 {load.p50_ms:.0f} ms, load {load.rate:.1f}/s for {minutes:g} minutes")
    memory = Memory(graph.session)
    result = asyncio.run(_send_and_watch(graph.url, exam, load, 60 * minutes, memory))
    warm_up_s = WARM_UP_SHARE * 60 * minutes
    return Soaked(
        minutes,
        load,
        result,
        memory.trends(warm_up_s),
        memory.came_and_went(warm_up_s),
        sorted(str(path.relative_to(graph.temp)) for path in graph.temp.rglob("*")),
        _size_mb(graph.temp.parent / "ray"),
    )


async def _send_and_watch(
    url: str, exam: Exam, load: Load, seconds: float, memory: Memory
) -> Summary:
    async def watch() -> None:
        start = time.perf_counter()
        while True:
            await asyncio.to_thread(memory.sample, time.perf_counter() - start)
            await asyncio.sleep(seconds / SAMPLES)

    arrivals_s = Plan(load.rate, seconds, seed=1).arrivals_s
    try:
        async with asyncio.TaskGroup() as group:  # an error of either ends the other
            watching = group.create_task(watch())
            outcomes = await send(url, arrivals_s, exam.message, exam.check, TIMEOUT_S)
            watching.cancel()
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return summary(exam.settle(outcomes))


def _size_mb(folder: Path) -> float:
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sum(path.stat().st_size for path in files) / 1e6


def markdown(machine: str, soaked: Soaked) -> str:
    """The section of RESULTS.md."""
    result, load = soaked.summary, soaked.load
    head = ["process", "own memory after warm-up, MB", "at the end", "slope, MB/h", "RSS, MB", ""]
    shown = [one for one in soaked.trends if one.is_ours or not one.is_flat]
    rows = [
        [
            one.title,
            f"{one.first_mb:.1f}",
            f"{one.last_mb:.1f}",
            f"{one.slope_mb_per_h:+.1f}",
            f"{one.rss_mb:.0f}",
            _verdict(one),
        ]
        for one in shown
    ]
    files = ", ".join(soaked.files) or "none"
    changes = ", ".join(soaked.came_and_went) or "none"
    late_ms = result.late_p99_ms
    late = f"The sender was {late_ms:.0f} ms late: all this says little. "
    return "\n\n".join(
        [
            "## Soak",
            machine,
            f"`make soak MINUTES={soaked.minutes:g}`: {load.rate:.1f} requests/s, "
            f"{result.right} of {result.sent} answered correctly, {result.refused} x 503, "
            f"{result.lost} lost, {result.wrong} wrong, "
            f"p50 {result.p50_ms:.0f} ms, p99 {result.p99_ms:.0f} ms. {_TERMS}",
            table(head, rows),
            f"{late if load.is_late(late_ms) else ''}"
            f"{len(soaked.trends) - len(shown)} others flat. "
            f"Processes that began or ended after the warm-up: {changes}. "
            f"Left in the temp folder: {files}. Ray's session folder: "
            f"{soaked.ray_mb:.1f} MB of logs.",
        ]
    )


def _verdict(trend: Trend) -> str:
    if trend.is_flat:
        return "flat"
    if not trend.goes_on:
        return f"rose by {trend.medians_mb[-1] - trend.medians_mb[0]:.0f} MB"
    speed = f"grows {trend.slope_mb_per_h:.0f} MB/h"
    return speed if trend.is_ours or trend.grew_much else f"{speed} (not our code)"


def _save(machine: str, soaked: Soaked, folder: Path) -> None:
    content: dict[str, Any] = {"machine": machine} | asdict(soaked)
    content["load"].pop("capacity")
    write_json(folder / "soak.json", content)


def main() -> int:
    """Returns the exit code."""
    end_on_signals()
    parser = argparse.ArgumentParser(prog="python -m loadtest.chaos.soak")
    parser.add_argument("--minutes", type=float, default=FULL_MINUTES)
    parser.add_argument("--rate", type=float, help="requests/s, instead of 0.7 of the capacity")
    arguments = parser.parse_args()
    warn_if_busy()
    machine = describe()
    with serving_graph(replicas=None) as graph:
        soaked = soak(graph, arguments.minutes, arguments.rate)
    text = markdown(machine, soaked)
    print(text)
    if arguments.minutes < FULL_MINUTES:
        print(f"Not kept: under {FULL_MINUTES:g} minutes.")
    elif arguments.rate is not None:
        print("Not kept: at a rate of its own.")
    else:
        publish("soak", text, partial(_save, machine, soaked))
    return 0 if soaked.is_clean else FAILED


if __name__ == "__main__":
    sys.exit(main())
