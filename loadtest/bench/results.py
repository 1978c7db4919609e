"""What a run has measured so far, saved after each step, and its medians."""

import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

from loadtest.bench.limit import EAGER, ONE_THREAD, InProcess, fastest, forms
from loadtest.bench.measure import Measured
from loadtest.bench.stages import StageTime
from loadtest.results_file import write_json
from loadtest.workloads import SCENES

_MAX_DRIFT = 0.1  # of the pace, from before a turn to after it


@dataclass(frozen=True)
class Record:
    """One system with one workload in one round."""

    system: str
    workload: str
    round: int
    measured: Measured
    stages: list[StageTime] = field(default_factory=list)  # of our own systems, one client
    refused_p95_ms: float = math.nan  # of our own with W1: a 503 far above capacity
    # Of the machine just before and after, on this workload; 1: as fast as in the limit's trials.
    paces: tuple[float, float] = (1.0, 1.0)

    @property
    def pace(self) -> float:
        return sum(self.paces) / 2

    @property
    def is_disturbed(self) -> bool:
        """The machine's speed changed so much that the numbers say little."""
        return abs(self.paces[1] - self.paces[0]) > _MAX_DRIFT * self.pace

    @property
    def faces(self) -> int:
        return SCENES[self.workload].faces

    @property
    def held(self) -> float:
        """Goodput as measured, faces/s; 0 if no rate held."""
        best = self.measured.best
        return best.good * self.faces if best else 0.0

    @property
    def goodput(self) -> float:
        """Goodput at the limit's pace, faces/s; 0 if no rate held."""
        return self.held / self.pace

    @property
    def most(self) -> float:
        """Peak of several clients in a closed loop at the limit's pace, faces/s."""
        return self.measured.capacity * self.faces / self.pace

    @property
    def paced_p50_ms(self) -> float:
        """p50 of one client at the limit's pace, ms."""
        return self.measured.unloaded.p50_ms * self.pace

    @property
    def loaded_p99_ms(self) -> float:
        best = self.measured.best
        return best.summary.p99_ms if best else math.nan

    @property
    def overload_share(self) -> float:
        """Correct answers/s in time at twice the load, as a share of the best at any load."""
        overload = self.measured.overload
        if overload is None:
            return math.nan
        best = max(one.good for one in [*self.measured.trials, overload])
        return overload.good / best if best else math.nan

    @property
    def refusal_share(self) -> float:
        """p95 of a 503 as a share of the unloaded p50 of a real answer."""
        return self.refused_p95_ms / self.measured.unloaded.p50_ms


@dataclass
class Results:
    """All numbers of a run."""

    machine: str
    limits: list[dict[str, dict[str, InProcess]]] = field(default_factory=list)  # by round
    records: list[Record] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def workloads(self) -> list[str]:
        return [name for name in SCENES if any(name in one for one in self.limits)]

    def systems(self, workload: str) -> list[str]:
        """Systems that have numbers, in the order of their first ones."""
        return list(dict.fromkeys(one.system for one in self.records if one.workload == workload))

    def limit(self, workload: str, round_: int | None = None) -> float:
        """Faces/s of the fastest form: the median over the rounds, or that of one round."""
        rounds = self.limits if round_ is None else self.limits[round_ : round_ + 1]
        return median_of(fastest(one[workload])[1] for one in rounds if workload in one)

    def set_paces(
        self, system: str, workload: str, round_: int, paces: tuple[float, float]
    ) -> None:
        """Sets the machine's speed around a system's turn, relative to the limit's trials."""
        turn = (system, workload, round_)
        self.records = [
            replace(one, paces=paces) if (one.system, one.workload, one.round) == turn else one
            for one in self.records
        ]

    def alone_p50_ms(self, workload: str) -> float:
        """p50 of one photo, nets on one thread. A process can't be faster beside others than alone:
        if it was, the machine was slower meanwhile, so the lower one counts."""
        names = [form.name for form in forms() if form.is_one_by_one]
        return median_of(
            min(one[workload][name].p50_ms for name in names)
            for one in self.limits
            if workload in one
        )

    def in_process_p50_ms(self, workload: str, form: str) -> float:
        return median_of(one[workload][form].p50_ms for one in self.limits if workload in one)

    def nets_speedup(self, workload: str) -> float:
        """Time in the nets in eager fp32 / time in the nets as served."""
        return median_of(
            one[workload][EAGER.name].nets_ms / one[workload][ONE_THREAD.name].nets_ms
            for one in self.limits
            if workload in one
        )

    def median(self, system: str, workload: str, value: Callable[[Record], float]) -> float:
        """The median over a system's rounds; nan if there are none."""
        return median_of(
            value(one) for one in self.records if (one.system, one.workload) == (system, workload)
        )

    def efficiency(self, system: str, workload: str) -> float:
        """Goodput / limit of the same round; the median over the rounds."""
        return self.median(
            system, workload, lambda one: one.goodput / self.limit(workload, one.round)
        )

    def save(self, folder: Path) -> None:
        """Writes bench.json, and all numbers behind it into bench_detail.json."""
        write_json(folder / "bench.json", self.medians())
        write_json(folder / "bench_detail.json", asdict(self))

    def medians(self) -> dict[str, Any]:
        """By workload: the limit and goodputs, faces/s, and latencies of one client."""
        return {
            workload: {
                "limit": _rounded(self.limit(workload)),
                "systems": {
                    system: {
                        "goodput": _rounded(self.median(system, workload, lambda r: r.goodput)),
                        "p50_ms": _rounded(self.median(system, workload, p50_ms)),
                        "p99_ms": _rounded(self.median(system, workload, p99_ms)),
                    }
                    for system in self.systems(workload)
                },
            }
            for workload in self.workloads
        }


def p50_ms(record: Record) -> float:
    """Unloaded, one client."""
    return record.measured.unloaded.p50_ms


def p99_ms(record: Record) -> float:
    """Unloaded, one client."""
    return record.measured.unloaded.p99_ms


def median_of(values: Iterable[float]) -> float:
    """The median without nan; nan if nothing is left."""
    known = [value for value in values if not math.isnan(value)]
    return median(known) if known else math.nan


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 3)
