"""The tables of `make bench`."""

import math
from collections.abc import Callable, Iterable

from loadtest.bench.contestants import CONTESTANTS, PEERS_WITH_OUR_NETS
from loadtest.bench.effort import Effort
from loadtest.bench.limit import forms
from loadtest.bench.measure import FLOOD
from loadtest.bench.queueing import ideal_share
from loadtest.bench.results import Record, Results, median_of, p50_ms, p99_ms
from loadtest.machine import cores
from loadtest.results_file import show, table
from loadtest.workloads import MAIN, SCENES

OURS = tuple(one.name for one in CONTESTANTS if one.is_ours)
_LARGEST = 3
_TERMS = """\
[How to read it](#how-to-read-it). Values are medians of the rounds; ms by stage are from the last
one; queue and compute are sums of histograms, off by 10 to 20 %."""
_AIM = " (aim only)"  # no requirement, so not counted among them
_DISTURBED = "The machine changed its speed, or the sender was late, so these turns say little:"


def markdown(results: Results, effort: Effort, command: str) -> str:
    """The section of RESULTS.md.

    Args:
        results: at least one round.
        effort: what they were measured with.
        command: reproduces them.
    """
    counted = f"`{command}`, {len(results.limits)} round(s), trials of {effort.trial_s:g} s and"
    parts = ["## Bench", results.machine]
    parts.append(f"{counted} {effort.trial_requests} requests or more. {_TERMS}")
    if "W1" in results.workloads:
        parts += ["### Goals, W1", _goals(results)]
    for workload in results.workloads:
        parts += [f"### {workload}: {SCENES[workload].name}", _systems(results, workload)]
        parts += [_limits(results, workload), _ceiling(results, workload, effort)]
        parts += [_stages(results, system, workload) for system in OURS]
    disturbed = _disturbed(results)
    if disturbed:
        parts += ["### Disturbed", _DISTURBED, "\n".join(disturbed)]
    if results.failures:
        parts += ["### Not measured", "\n".join(f"- {one}" for one in results.failures)]
    return "\n\n".join(part for part in parts if part)


def _systems(results: Results, workload: str) -> str:
    head = ["system", "goodput, faces/s", "pace", "/ pace", "efficiency", "p50, ms"]
    head += ["/ in process", "p99, ms", "p99 at goodput, ms"]
    head += ["closed-loop peak / limit", "at 2x load / best"]
    alone, limit = results.alone_p50_ms(workload), results.limit(workload)
    columns: list[tuple[Callable[[Record], float], int]] = [
        (lambda one: one.held, 2),
        (lambda one: one.pace, 2),
        (lambda one: one.goodput, 2),
        (lambda one: one.goodput / results.limit(workload, one.round), 2),
        (p50_ms, 1),
        (lambda one: one.paced_p50_ms / alone, 2),
        (p99_ms, 1),
        (lambda one: one.loaded_p99_ms, 1),
        (lambda one: one.most / limit, 2),
        (lambda one: one.overload_share, 2),
    ]
    rows = [
        [
            system,
            *(show(results.median(system, workload, value), digits) for value, digits in columns),
        ]
        for system in results.systems(workload)
    ]
    return table(head, rows)


def _limits(results: Results, workload: str) -> str:
    rows = []
    for form in forms():
        found = [one[workload][form.name] for one in results.limits if workload in one]
        rate = median_of(one.faces_per_s for one in found)
        nets = median_of(one.nets_ms for one in found)
        p50 = results.in_process_p50_ms(workload, form.name)
        rows.append([form.name, show(rate, 2), show(p50), show(nets)])
    return table(["in process", "faces/s", "p50, ms", "nets, ms"], rows)


def _ceiling(results: Results, workload: str, effort: Effort) -> str:
    """The share of the limit that bound and arrivals leave to any server."""
    answers_per_s = results.limit(workload) / SCENES[workload].faces
    trial_s = effort.seconds_of(answers_per_s)
    return f"Ceiling: {ideal_share(cores(), cores() / answers_per_s, trial_s):.2f}."


def _stages(results: Results, system: str, workload: str) -> str:
    record = next(
        (
            one
            for one in reversed(results.records)
            if (one.system, one.workload) == (system, workload) and one.stages
        ),
        None,
    )
    if record is None:
        return ""
    largest = ", ".join(f"{one.stage} {one.total_ms:.0f} ms" for one in record.stages[:_LARGEST])
    if workload != MAIN:
        faces = SCENES[workload].faces
        summed = f" (sums of {faces} faces, which overlap)" if faces > 1 else ""
        return f"{system}, one client. The largest{summed}: {largest}."
    rows = [
        [one.stage, show(one.queue_ms), show(one.compute_ms), show(one.hop_ms), show(one.total_ms)]
        for one in record.stages
    ]
    head = [f"{system}, one client: ms of a request", "queue", "compute", "hop", "all"]
    return f"{table(head, rows)}\n\nThe largest: {largest}."


def _disturbed(results: Results) -> list[str]:
    lines = []
    for one in results.records:
        turn = f"- {one.system}, {one.workload}, round {one.round + 1}:"
        if one.is_disturbed:
            before, after = one.paces
            lines.append(f"{turn} the pace went from {before:.2f} to {after:.2f}")
        for trial in one.measured.late_trials:
            late = f"the sender was {trial.summary.late_p99_ms:.0f} ms late"
            lines.append(f"{turn} at {trial.rate:.1f} requests/s {late}")
    return lines


def _goals(results: Results) -> str:
    rows = [
        [
            what,
            must,
            show(value, 2),
            ("aim " if what.endswith(_AIM) else "") + _verdict(value, float(must), smaller),
        ]
        for what, must, value, smaller in _measured_goals(results)
    ]
    return table(["what", "must", "measured", ""], rows)


def _measured_goals(results: Results) -> list[tuple[str, str, float, bool]]:
    """For each goal: what is measured, the target, the value, whether smaller is better."""
    alone = results.alone_p50_ms("W1")
    goodput = {one: _goodput(results, one) for one in results.systems("W1")}
    ours = max((goodput[one] for one in OURS if one in goodput), default=math.nan)
    peer = max((goodput[one] for one in PEERS_WITH_OUR_NETS if one in goodput), default=math.nan)
    eager = goodput.get("fastapi-eager", math.nan)

    def p50(system: str) -> float:
        return results.median(system, "W1", lambda one: one.paced_p50_ms) / alone

    def loaded_p99(systems: Iterable[str]) -> float:
        best = max((one for one in systems if one in goodput), key=goodput.__getitem__, default="")
        return results.median(best, "W1", lambda one: one.loaded_p99_ms * one.pace)

    def overload(system: str) -> float:
        return results.median(system, "W1", lambda one: one.overload_share)

    def refusal(system: str) -> float:
        return results.median(system, "W1", lambda one: one.refusal_share)

    flood = f"a 503 at {FLOOD:g}x the closed-loop peak"
    return [
        ("efficiency, fused", "0.90", results.efficiency("fused", "W1"), False),
        ("efficiency, split", "0.80", results.efficiency("split", "W1"), False),
        ("p50 at one client, split / in process", "1.40", p50("split"), True),
        ("p50 at one client, fused / in process", "1.12", p50("fused"), True),
        ("goodput, ours / best peer with our nets", "0.95", _ratio(ours, peer), False),
        (
            f"p99 at that goodput, ours / best peer{_AIM}",
            "1.00",
            _ratio(loaded_p99(OURS), loaded_p99(PEERS_WITH_OUR_NETS)),
            True,
        ),
        ("goodput, ours / FastAPI in eager fp32", "2.50", _ratio(ours, eager), False),
        ("goodput at twice the load, fused / its best", "0.90", overload("fused"), False),
        ("goodput at twice the load, split / its best", "0.90", overload("split"), False),
        (f"p95 of {flood} / unloaded p50, fused", "0.10", refusal("fused"), True),
        (f"p95 of {flood} / unloaded p50, split", "0.10", refusal("split"), True),
        ("nets alone, eager fp32 / ours", "2.50", results.nets_speedup("W1"), False),
    ]


def _goodput(results: Results, system: str) -> float:
    def value(record: Record) -> float:
        return record.goodput

    return results.median(system, "W1", value)


def _ratio(one: float, other: float) -> float:
    return one / other if other else math.nan


def _verdict(value: float, must: float, smaller_is_better: bool) -> str:
    if math.isnan(value):
        return "not measured"
    return "met" if (value <= must if smaller_is_better else value >= must) else "missed"
