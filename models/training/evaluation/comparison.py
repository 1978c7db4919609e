"""Two evaluations of the same pictures: what became better, what worse, and in which pictures."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.training.evaluation.cells import number, table
from models.training.evaluation.evaluate import Evaluation
from models.training.evaluation.goals import GOALS, Goal
from models.training.evaluation.read import ReportError
from models.training.evaluation.report import summarize
from models.training.statistics import Estimate, estimate, estimate_share

_MOST = 10  # pictures listed
_NAMED = 3  # pictures named in a refusal
_WORDS = """Before and after: as in the two reports. Difference: the mean (for sharpness and detail
the median) of the differences of each picture that both scored, with the 95 % interval of 1,000
bootstrap samples. Within the noise: the interval contains 0; about one metric in twenty leaves it
by chance."""
_PICTURE_WORDS = """Those that changed most, each by the metric in which it did: relative to the
standard deviation of that metric over the pictures."""


@dataclass(frozen=True)
class PictureChange:
    """One metric of one picture before and after."""

    id: str
    goal: Goal
    before: float
    after: float
    size: float  # of the change, in standard deviations of the metric over the pictures


@dataclass(frozen=True)
class Change:
    """One metric before and after; None: not measured."""

    goal: Goal
    before: float | None
    after: float | None
    difference: Estimate | None  # over the pictures that both scored
    pictures: int  # how many these are; 0 if the metric isn't one of pictures

    @property
    def verdict(self) -> str:
        """`better`, `worse` or `within the noise`; empty if there is no difference to judge."""
        if self.difference is None:
            return ""
        if self.difference.low <= 0 <= self.difference.high:
            return "within the noise"
        rises = self.difference.low > 0
        return "better" if rises == (self.goal.sign != "<=") else "worse"


@dataclass(frozen=True)
class Comparison:
    """Two evaluations side by side."""

    weights: tuple[str, str]  # versions
    changes: list[Change]  # in the order of GOALS
    pictures: list[PictureChange]  # at most ten, each once, largest first


def compare_evaluations(before: Evaluation, after: Evaluation) -> Comparison:
    """Compares two evaluations metric by metric, picture by picture.

    Raises:
        ReportError: they scored different pictures, or had different judges.
    """
    _check_alike(before, after)
    reports = summarize(before), summarize(after)
    changes, pictures = [], []
    for goal in GOALS:
        old, new = (goal.value(report) for report in reports)
        if goal.optional and old is None and new is None:
            continue
        own = _picture_changes(goal, before, after)
        if goal.scores is None and old is not None and new is not None:
            difference: Estimate | None = Estimate(*[new - old] * 3)  # exact
        else:
            difference = _difference(goal, own, goal.weights(after) if goal.weights else None)
        changes.append(Change(goal, old, new, difference, len(own)))
        pictures += own
    return Comparison((before.weights, after.weights), changes, _largest(pictures))


def comparison_table(comparison: Comparison) -> str:
    """The comparison as Markdown."""
    before, after = comparison.weights
    sums = [_row(change) for change in comparison.changes]
    most = [(own.id, own.goal.on, own.goal.what, *_cells(own)) for own in comparison.pictures]
    parts = [
        f"# Weights {before} (before) and {after} (after)",
        table(("metric", "on", "before", "after", "difference", "pictures", ""), sums),
        " ".join(_WORDS.split()),
        "## Pictures",
        " ".join(_PICTURE_WORDS.split()) if most else "None changed.",
    ]
    parts += [table(("picture", "on", "metric", "before", "after"), most)] if most else []
    return "\n\n".join(parts)


def _check_alike(before: Evaluation, after: Evaluation) -> None:
    """What only one of the two measured is no mistake: the rows say so."""
    if before.judge and after.judge and before.judge != after.judge:
        raise ReportError(
            f"One has judge {before.judge[:12]}, the other {after.judge[:12]}: run `evaluate` "
            "again with the same --judge."
        )
    theirs = _pictures(after)
    for kind, ours in _pictures(before).items():
        names = sorted({name for name, _ in ours.items() ^ theirs[kind].items()})
        if names and ours and theirs[kind]:
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            raise ReportError(
                f"They scored different {kind}: {', '.join(names[:_NAMED])}{more}. Run `evaluate` "
                "again, both times on the same folder with the same options."
            )


def _pictures(found: Evaluation) -> dict[str, dict[str, Any]]:
    """The pictures of each kind by name, with what tells them from others of that name."""
    scenes = found.scenes.masked_by_photo if found.scenes else {}
    return {**found.digests, "scenes": {photo: count for photo, (_, count) in scenes.items()}}


def _picture_changes(goal: Goal, before: Evaluation, after: Evaluation) -> list[PictureChange]:
    """Of all pictures that both scored."""
    if goal.scores is None:
        return []
    ours, theirs = goal.scores(before), goal.scores(after)
    both = [(name, ours[name], theirs[name]) for name in ours if name in theirs]
    spread = np.std([(old, new) for _, old, new in both]) if both else 0.0
    return [
        PictureChange(name, goal, old, new, float(abs(new - old) / spread) if new != old else 0.0)
        for name, old, new in both
    ]


def _difference(
    goal: Goal, pictures: Sequence[PictureChange], weights: dict[str, int] | None
) -> Estimate | None:
    gains = [own.after - own.before for own in pictures]
    if weights is None:
        return estimate(gains, goal.over)
    counts = [weights[own.id] for own in pictures]
    return estimate_share([gain * n for gain, n in zip(gains, counts, strict=True)], counts)


def _largest(changes: Iterable[PictureChange]) -> list[PictureChange]:
    by_picture: dict[tuple[str, str], PictureChange] = {}
    for change in sorted(changes, key=lambda change: change.size, reverse=True):
        if change.size:
            by_picture.setdefault((change.goal.on, change.id), change)
    return list(by_picture.values())[:_MOST]


def _row(change: Change) -> tuple[str, ...]:
    goal, difference, pictures = change.goal, "", ""
    form = f"+z{goal.form.removeprefix('+')}"  # z: no negative zero
    if change.pictures:
        difference, pictures = number(change.difference, form), f"{change.pictures}"
    elif change.difference:
        difference = f"{change.difference.value:{form}}"
    return (goal.what, goal.on, *_cells(change), difference, pictures, change.verdict)


def _cells(change: Change | PictureChange) -> list[str]:
    form = change.goal.form.replace(".", "z.")
    values = (change.before, change.after)
    return ["not measured" if value is None else f"{value:{form}}" for value in values]
