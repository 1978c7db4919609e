"""The table of `make chaos`, and its numbers as JSON."""

import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from loadtest.chaos.cases import BACK_S, END_BURST, KILL_BURST, Must
from loadtest.chaos.damage import ANSWER_S, ENOUGH, Damage
from loadtest.chaos.run import BEFORE_S, Load
from loadtest.results_file import show, table, write_json

_TERMS = f"""\
Open-loop Poisson load on configs/laptop.yaml with two replicas of each stage and of the ingress
(one of each where a row says "only" and at SIGTERM; the update and fused: the files as shipped).
The incident is a kill -9, or what the row says, {BEFORE_S:g} s after the start or soon after.
Just before a kill {KILL_BURST} extra requests are sent at once, before SIGTERM {END_BURST}; the
load continues after the incident. A replica is killed while it computes. Photos are those of W1;
one in four of the load has a reference.

- **In flight**: sent and not answered at that moment. Where FaceSwapper dies, only requests with a
  reference count; its burst has only those. With none in flight the row is not measured.
- **Closed**: no connection, and nobody got one later, since a service that ends closes its port.
- **Lost**: any other request without an answer, a wrong picture (in an update: that of neither
  version), or a status other than 200 and 503.
- **Gap**: the longest time without a correct answer in the whole run; after SIGTERM none counts.
- **p99 back**: seconds from the incident until the p99 of all later requests (at least {ENOUGH};
  failures count as infinite) is within 5 times the unloaded p50 and the last request of the burst
  that failed or took over {ANSWER_S:g} s has ended. (not < {BACK_S:g}): later than the aim, which
  is no requirement.
- **Answered**: correctly; in a must, also within {ANSWER_S:g} s of being sent.

Each row is one incident."""


def show_return(seconds: float) -> str:
    """`Damage.recovered_s` as shown in the table."""
    return "not in time" if math.isinf(seconds) else show(seconds)


def show_count(count: int | None) -> str:
    """`Damage.in_flight` as shown in the table."""
    return "–" if count is None else str(count)


@dataclass(frozen=True)
class Row:
    """One incident."""

    name: str
    must: Must
    load: Load
    damage: Damage
    notes: list[str] = field(default_factory=list)  # any note makes the demand missed

    @property
    def is_measured(self) -> bool:
        """If something was killed, there were requests to lose."""
        return self.damage.in_flight != 0

    @property
    def is_met(self) -> bool:
        return self.is_measured and self.must.is_met(self.damage) and not self.notes

    @property
    def disturbances(self) -> list[str]:
        """Why the row says little, if it does."""
        late_ms = self.damage.late_p99_ms
        return [f"the sender was {late_ms:.0f} ms late"] if self.load.is_late(late_ms) else []

    @property
    def verdict(self) -> str:
        """The outcome in a word or two."""
        if not self.is_measured:
            return "not measured"
        return "ok" if self.is_met else "missed"


@dataclass
class Report:
    """The findings so far."""

    machine: str
    rows: list[Row] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)  # what couldn't be measured

    @property
    def all_met(self) -> bool:
        return not self.failures and all(row.is_met for row in self.rows)

    def markdown(self) -> str:
        """The section of RESULTS.md."""
        head = [
            "incident",
            "load, req/s",
            "in flight",
            "sent",
            "answered",
            "503",
            "closed",
            "lost",
            "gap, s",
        ]
        head += ["p99 back, s", "bound, ms", "must", ""]
        notes = [
            f"- {row.name}: {note}"
            for row in self.rows
            for note in row.notes + row.damage.problems + row.disturbances
        ]
        notes += [f"- {one}" for one in self.failures]
        parts = ["## Chaos", self.machine, f"`make chaos`. {_TERMS}"]
        parts += [table(head, [_cells(row) for row in self.rows]), "\n".join(notes)]
        return "\n\n".join(part for part in parts if part)

    def save(self, folder: Path) -> None:
        """Writes chaos.json."""
        content = {
            "machine": self.machine,
            "incidents": {row.name: _numbers(row) for row in self.rows},
            "failures": self.failures,
        }
        write_json(folder / "chaos.json", content)


def _cells(row: Row) -> list[str]:
    damage = row.damage
    counts = (damage.sent, damage.answered, damage.refused, damage.closed, damage.lost)
    return [
        row.name,
        f"{row.load.rate:.1f}",
        show_count(damage.in_flight),
        *(str(count) for count in counts),
        f"{damage.longest_gap_s:.1f}",
        show_return(damage.recovered_s) + _mark(row),
        f"{row.load.bound_ms:.0f}",
        row.must.text,
        row.verdict,
    ]


def _mark(row: Row) -> str:
    aim_s = row.must.aim_back_s
    is_late = aim_s is not None and aim_s <= row.damage.recovered_s < math.inf
    return f" (not < {aim_s:g})" if is_late else ""


def _numbers(row: Row) -> dict[str, Any]:
    numbers = asdict(row.damage) | {f"load_{key}": n for key, n in asdict(row.load).items()}
    return {
        **numbers,
        "must": row.must.text,
        "met": row.is_met,
        "notes": row.notes,
    }
