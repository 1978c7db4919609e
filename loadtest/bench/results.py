"""What a run has measured so far: kept on disk after each step, and its medians."""

import json
import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

from loadtest.bench.limit import EAGER, ONE_THREAD, InProcess, fastest, forms
from loadtest.bench.measure import Measured
from loadtest.bench.stages import StageTime
from loadtest.bench.workloads import SCENES

_MAX_DRIFT = 0.1  # of the pace, from before a turn to after it


@dataclass(frozen=True)
class Record:
    """One system with one workload in one round."""

    system: str
    workload: str
    round: int
    measured: Measured
    stages: list[StageTime] = field(default_factory=list)  # of our own, one client
    refused_p95_ms: float = math.nan  # of our own with W1: a 503 far over the capacity
    # Of the machine just before and after, with this workload; 1 while the limit was measured.
    paces: tuple[float, float] = (1.0, 1.0)

    @property
    def pace(self) -> float:
        return sum(self.paces) / 2

    @property
    def is_disturbed(self) -> bool:
        """The machine changed its speed so much that what was measured says little."""
        return abs(self.paces[1] - self.paces[0]) > _MAX_DRIFT * self.pace

    @property
    def faces(self) -> int:
        return SCENES[self.workload].faces

    @property
    def held(self) -> float:
        """Goodput in faces/s as measured; 0 if no rate held."""
        best = self.measured.best
        return best.good * self.faces if best else 0.0

    @property
    def goodput(self) -> float:
        """Faces/s at the limit's pace; 0 if no rate held."""
        return self.held / self.pace

    @property
    def most(self) -> float:
        """Faces/s of several clients in a closed loop, at the limit's pace."""
        return self.measured.capacity * self.faces / self.pace

    @property
    def paced_p50_ms(self) -> float:
        """Of one client, at the limit's pace."""
        return self.measured.unloaded.p50_ms * self.pace

    @property
    def loaded_p99_ms(self) -> float:
        best = self.measured.best
        return best.summary.p99_ms if best else math.nan

    @property
    def overload_share(self) -> float:
        """Right answers/s in time at twice the load, as a share of the most of any load."""
        overload = self.measured.overload
        if overload is None:
            return math.nan
        peak = max(one.good for one in [*self.measured.trials, overload])
        return overload.good / peak if peak else math.nan

    @property
    def refusal_share(self) -> float:
        """p95 of a 503, as a share of the unloaded p50 of a real answer."""
        return self.refused_p95_ms / self.measured.unloaded.p50_ms


@dataclass
class Results:
    """All of a run."""

    machine: str
    limits: list[dict[str, dict[str, InProcess]]] = field(default_factory=list)  # a round each
    records: list[Record] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def workloads(self) -> list[str]:
        return [name for name in SCENES if any(name in one for one in self.limits)]

    def systems(self, workload: str) -> list[str]:
        """Those with numbers, in order."""
        return list(dict.fromkeys(one.system for one in self.records if one.workload == workload))

    def limit(self, workload: str, round_: int | None = None) -> float:
        """Faces/s of the fastest form; the median of the rounds, or that of one round."""
        rounds = self.limits if round_ is None else self.limits[round_ : round_ + 1]
        return median_of(fastest(one[workload])[1] for one in rounds if workload in one)

    def set_paces(
        self, system: str, workload: str, round_: int, paces: tuple[float, float]
    ) -> None:
        """How fast the machine was, compared with the limit's time, around a system's turn."""
        turn = (system, workload, round_)
        self.records = [
            replace(one, paces=paces) if (one.system, one.workload, one.round) == turn else one
            for one in self.records
        ]

    def alone_p50_ms(self, workload: str) -> float:
        """One photo, the nets on one thread. A process beside others can't be faster than alone:
        where it was, the machine was slower in between, so the lower one counts."""
        names = [form.name for form in forms() if form.is_one_by_one]
        return median_of(
            min(one[workload][name].p50_ms for name in names)
            for one in self.limits
            if workload in one
        )

    def in_process_p50_ms(self, workload: str, form: str) -> float:
        return median_of(one[workload][form].p50_ms for one in self.limits if workload in one)

    def nets_speedup(self, workload: str) -> float:
        """Time in the nets in eager fp32, over that of the nets as they are served."""
        return median_of(
            one[workload][EAGER.name].nets_ms / one[workload][ONE_THREAD.name].nets_ms
            for one in self.limits
            if workload in one
        )

    def median(self, system: str, workload: str, value: Callable[[Record], float]) -> float:
        """Of a system's rounds; nan if there is none."""
        return median_of(
            value(one) for one in self.records if (one.system, one.workload) == (system, workload)
        )

    def efficiency(self, system: str, workload: str) -> float:
        """Goodput over the limit of the same round, the median of the rounds."""
        return self.median(
            system, workload, lambda one: one.goodput / self.limit(workload, one.round)
        )

    def save(self, folder: Path) -> None:
        """bench.json, and all numbers behind it in bench_detail.json."""
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / "bench.json", self.medians())
        _write(folder / "bench_detail.json", asdict(self))

    def medians(self) -> dict[str, Any]:
        """By workload: the limit and goodputs in faces/s, latencies of one client."""
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
    """Of one client."""
    return record.measured.unloaded.p50_ms


def p99_ms(record: Record) -> float:
    """Of one client."""
    return record.measured.unloaded.p99_ms


def median_of(values: Iterable[float]) -> float:
    """nan if there are none."""
    known = [value for value in values if not math.isnan(value)]
    return median(known) if known else math.nan


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 3)


def _write(path: Path, content: Any) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(_without_nan(content), indent=1) + "\n")
    part.replace(path)


def _without_nan(content: Any) -> Any:
    """JSON has no nan."""
    if isinstance(content, dict):
        return {key: _without_nan(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_without_nan(value) for value in content]
    return None if isinstance(content, float) and math.isnan(content) else content
