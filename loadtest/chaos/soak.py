"""`make soak MINUTES=20`: a long load, and whether it leaves anything behind.

    python -m loadtest.chaos.soak [--minutes 20] [--rate 5]

Open-loop load at 0.7 of the capacity on configs/laptop.yaml. Exit code 1: a process grew, files
were left, or requests failed; a few may get 503: the queue is bounded, and chance sends bursts.
"""

import argparse
import asyncio
import json
import signal
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from loadtest.chaos.answers import Exam
from loadtest.chaos.memory import Memory, Trend
from loadtest.chaos.run import TIMEOUT_S, Load, measure_load
from loadtest.chaos.service import Graph, serving_graph
from loadtest.machine import describe, warn_if_busy
from loadtest.open_loop import Plan, Summary, send, summary
from loadtest.results_file import FOLDER, table, write_section

SHARE = 0.7  # of the capacity
WARM_UP_SHARE = 0.25  # of the time
MOST_BUSY = 0.01  # of the requests, that may get 503
SAMPLES = 120


@dataclass(frozen=True)
class Soaked:
    """What a soak found."""

    minutes: float
    load: Load
    summary: Summary
    trends: list[Trend]
    files: list[str]  # in the service's temp folder after the load
    ray_mb: float  # logs and sockets of Ray's session

    @property
    def busy(self) -> int:
        """How many got 503."""
        return self.summary.statuses.get(503, 0)

    @property
    def is_clean(self) -> bool:
        sent = self.summary.sent
        return (
            self.summary.right + self.busy == sent
            and self.busy <= MOST_BUSY * sent
            and all(one.is_flat for one in self.trends)
            and not self.files
        )


def soak(graph: Graph, minutes: float, rate: float | None) -> Soaked:
    """Loads a service and watches it.

    Raises:
        UnfitError: it fails before.
    """
    exam = Exam.drawn()
    load = asyncio.run(measure_load(graph.url, exam, SHARE, rate))
    print(f"unloaded p50 {load.p50_ms:.0f} ms, load {load.rate:.1f}/s for {minutes:g} minutes")
    memory = Memory(graph.session)
    result = asyncio.run(_send_and_watch(graph.url, exam, load, 60 * minutes, memory))
    trends = memory.trends(WARM_UP_SHARE * 60 * minutes)
    ray_mb = sum(_sizes(graph.temp.parent / "ray").values()) / 1e6
    return Soaked(minutes, load, result, trends, sorted(_sizes(graph.temp)), ray_mb)


async def _send_and_watch(
    url: str, exam: Exam, load: Load, seconds: float, memory: Memory
) -> Summary:
    async def watch() -> None:
        start = time.perf_counter()
        while True:
            await asyncio.to_thread(memory.sample, time.perf_counter() - start)
            await asyncio.sleep(seconds / SAMPLES)

    watching = asyncio.create_task(watch())
    plan = Plan(load.rate, seconds, seed=1)
    outcomes = await send(url, plan, exam.message, exam.check, TIMEOUT_S)
    watching.cancel()
    return summary(exam.settle(outcomes))


def _sizes(folder: Path) -> dict[str, int]:
    """Bytes of the files below a folder, by path."""
    return {
        str(path.relative_to(folder)): path.stat().st_size
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


def markdown(machine: str, soaked: Soaked) -> str:
    """The section of RESULTS.md."""
    result, load = soaked.summary, soaked.load
    head = ["process", "PSS after warm-up, MB", "at the end", "slope, MB/h", "RSS, MB", ""]
    rows = [
        [
            one.title,
            f"{one.first_mb:.1f}",
            f"{one.last_mb:.1f}",
            f"{one.slope_mb_per_h:+.1f}",
            f"{one.rss_mb:.0f}",
            "flat" if one.is_flat else "grows",
        ]
        for one in soaked.trends
    ]
    files = ", ".join(soaked.files) or "none"
    return "\n\n".join(
        [
            "## Soak",
            machine,
            f"`make soak MINUTES={soaked.minutes:g}`: {load.rate:.1f} requests/s, "
            f"{result.right} of {result.sent} answered rightly, {soaked.busy} x 503, "
            f"{result.lost} lost, {result.wrong} wrong, "
            f"p50 {result.p50_ms:.0f} ms, p99 {result.p99_ms:.0f} ms. "
            f"The first quarter is warm-up.",
            table(head, rows),
            f"Files left in the temp folder: {files}. Ray's session folder: "
            f"{soaked.ray_mb:.1f} MB of logs.",
        ]
    )


def _save(machine: str, soaked: Soaked) -> None:
    content: dict[str, Any] = {"machine": machine} | asdict(soaked)
    content["load"].pop("capacity")
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "soak.json").write_text(json.dumps(content, indent=2) + "\n")


def main() -> int:
    """Returns the exit code."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends the service too
    parser = argparse.ArgumentParser(prog="python -m loadtest.chaos.soak")
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--rate", type=float, help="requests/s, instead of 0.7 of the capacity")
    arguments = parser.parse_args()
    warn_if_busy()
    machine = describe()
    with serving_graph(replicas=1) as graph:
        soaked = soak(graph, arguments.minutes, arguments.rate)
    _save(machine, soaked)
    text = markdown(machine, soaked)
    print(text)
    write_section("soak", text)
    return 0 if soaked.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
