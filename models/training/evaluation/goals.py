"""The metrics that count, beside the values that they must reach and aim at."""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from models.training.evaluation.bare import BareScore
from models.training.evaluation.cells import number, table
from models.training.evaluation.evaluate import Evaluation
from models.training.evaluation.large import LIFTED, SERVED, LargeScore
from models.training.evaluation.pairs import FOUND, PairScore
from models.training.evaluation.real import RealScore
from models.training.evaluation.report import Report
from models.training.evaluation.residual import SEEN
from models.training.evaluation.swaps import SwapMarks
from models.training.statistics import Estimate

Scores = dict[str, float]  # by ID, or by a photo's name


@dataclass(frozen=True)
class Goal:
    """One metric."""

    what: str
    on: str
    form: str
    must: float
    aim: float | None
    measured: Callable[[Report], Estimate | float | None]
    scores: Callable[[Evaluation], Scores] | None  # what `measured` sums up; None: no pictures
    over: Literal["mean", "median"] = "mean"  # of the scores
    weights: Callable[[Evaluation], dict[str, int]] | None = None  # of the scores; None: all equal
    sign: Literal[">=", "<=", ">"] = ">="  # relation of the measured value to must and aim
    optional: bool = False  # its pictures are rare in folders: no row unless measured

    def value(self, report: Report) -> float | None:
        """What was measured, without its interval."""
        measured = self.measured(report)
        return measured.value if isinstance(measured, Estimate) else measured


def _mark(name: str) -> Callable[[Report], Estimate | None]:
    return lambda report: report.whole.marks[FOUND][name]


def _marks(name: str) -> Callable[[Evaluation], Scores]:
    return lambda found: {s.id: getattr(s.marks[FOUND], name) for s in found.pairs}


def _ious(scores: Sequence[PairScore | RealScore]) -> Scores:
    return {score.id: score.iou for score in scores}


def _errors(scores: Sequence[PairScore | BareScore], region: str) -> Scores:
    return {s.id: s.landmarks[region] for s in scores if region in s.landmarks}


def _bare(report: Report) -> Estimate | None:
    return report.bare.landmarks["all"] if report.bare else None


def _photos(found: Evaluation) -> dict[str, tuple[int, int]]:
    return found.scenes.masked_by_photo if found.scenes else {}


def _remains(found: Evaluation) -> Scores:
    if not found.judge:
        return {}
    # Where no face was found, the mask is still there.
    return {s.id: float(s.sights.get("painted", 1.0) >= SEEN) for s in found.real}


def _a_face(report: Report) -> float:
    return sum(gmac for net, gmac in report.compute.items() if net != "crop")


def _own_holes(report: Report) -> float | None:
    return report.swap.own / report.swap.pictures if report.swap else None


def _swap_gain(report: Report) -> float | None:
    swap = report.swap
    return _beyond(swap.swapped_hole_psnr, swap.painted_hole_psnr) if swap else None


def _swaps(mark: Callable[[SwapMarks], float]) -> Callable[[Evaluation], Scores]:
    return lambda found: {s.id: mark(s.marks) for s in found.swaps if s.marks}


def _large_gain(mark: str) -> Callable[[Report], float | None]:
    def gain(report: Report) -> float | None:
        ways = report.large.marks if report.large else None
        return _beyond(ways[SERVED][mark], ways[LIFTED][mark]) if ways else None

    return gain


def _large_gains(mark: str) -> Callable[[Evaluation], Scores]:
    def gain(score: LargeScore) -> float:
        served, lifted = (getattr(score.marks[way], mark) for way in (SERVED, LIFTED))
        return float(served - lifted)

    return lambda found: {score.id: gain(score) for score in found.large}


def _beyond(ours: Estimate | None, theirs: Estimate | None) -> float | None:
    return ours.value - theirs.value if ours and theirs else None


_PICTURES, _REAL, _SWAPS, _LARGE = "pictures", "real masks", "swaps", "large faces"
_ENLARGED = "beyond that of the 256 px result, bicubic"
GOALS = (
    Goal(
        "mask IoU",
        _PICTURES,
        ".3f",
        0.96,
        0.985,
        lambda r: r.whole.mask.iou,
        lambda e: _ious(e.pairs),
    ),
    Goal(
        "mask IoU",
        _REAL,
        ".3f",
        0.92,
        0.96,
        lambda r: r.real.iou if r.real else None,
        lambda e: _ious(e.real),
    ),
    Goal("PSNR, dB", _PICTURES, ".2f", 27.0, 28.5, _mark("psnr"), _marks("psnr")),
    Goal("SSIM", _PICTURES, ".4f", 0.918, 0.930, _mark("ssim"), _marks("ssim")),
    Goal("hole PSNR, dB", _PICTURES, ".2f", 20.8, 22.3, _mark("hole_psnr"), _marks("hole_psnr")),
    Goal(
        "sharpness",
        _PICTURES,
        ".3f",
        0.75,
        0.90,
        _mark("sharpness"),
        _marks("sharpness"),
        "median",
    ),
    Goal("detail", _PICTURES, ".3f", 0.30, 0.40, _mark("detail"), _marks("detail"), "median"),
    Goal(
        "recall at IoU 0.5 of masked faces >= 32 px, <= 0.1 false boxes a photo",
        "scenes",
        ".3f",
        0.92,
        0.97,
        lambda r: r.scenes.quiet.masked if r.scenes else None,
        lambda e: {photo: found / count for photo, (found, count) in _photos(e).items()},
        weights=lambda e: {photo: count for photo, (_, count) in _photos(e).items()},
    ),
    Goal(
        "landmark error / eye distance",
        "bare faces",
        ".4f",
        0.04,
        0.03,
        _bare,
        lambda e: _errors(e.bare, "all"),
        sign="<=",
    ),
    Goal(
        "landmark error / eye distance, hidden lips and jaw",
        _PICTURES,
        ".4f",
        0.075,
        0.06,
        lambda r: r.landmarks["lips and jaw"],
        lambda e: _errors(e.pairs, "lips and jaw"),
        sign="<=",
    ),
    Goal(
        "share in which the judge still sees a mask",
        _REAL,
        ".3f",
        0.05,
        0.01,
        lambda r: r.sights.get("real painted"),
        _remains,
        sign="<=",
    ),
    Goal(
        "GMAC of a face, all but the detector", "256 px", ".2f", 8.0, 6.0, _a_face, None, sign="<="
    ),
    Goal(
        "share whose hole is more like the reference than like the painted face",
        _SWAPS,
        ".3f",
        1.0,
        None,
        _own_holes,
        lambda e: {s.id: float(bool(s.marks and s.marks.is_own)) for s in e.swaps},
        optional=True,
    ),
    Goal(
        "hole PSNR beyond that of painting alone, dB",
        _SWAPS,
        "+.2f",
        -0.5,
        None,
        _swap_gain,
        _swaps(lambda marks: marks.swapped_hole_psnr - marks.painted_hole_psnr),
        optional=True,
    ),
    Goal(
        "sharpness",
        _SWAPS,
        ".3f",
        0.85,
        None,
        lambda r: r.swap.sharpness if r.swap else None,
        _swaps(lambda marks: marks.sharpness),
        "median",
        optional=True,
    ),
    Goal(
        f"sharpness {_ENLARGED}",
        _LARGE,
        "+.4f",
        0.0,
        None,
        _large_gain("sharpness"),
        _large_gains("sharpness"),
        "median",
        sign=">",
        optional=True,
    ),
    Goal(
        f"detail {_ENLARGED}",
        _LARGE,
        "+.4f",
        0.0,
        None,
        _large_gain("detail"),
        _large_gains("detail"),
        "median",
        sign=">",
        optional=True,
    ),
    Goal(
        f"SSIM {_ENLARGED}",
        _LARGE,
        "+.4f",
        0.0,
        None,
        _large_gain("ssim"),
        _large_gains("ssim"),
        optional=True,
    ),
)
_HOLDS = {">=": operator.ge, "<=": operator.le, ">": operator.gt}


def goal_table(report: Report) -> str:
    """The goals, what was measured, and which are reached."""
    head = ("metric", "on", "measured", "must", "aim", "reached")
    values = [(goal, goal.measured(report)) for goal in GOALS]
    shown = [(goal, value) for goal, value in values if value is not None or not goal.optional]
    return table(head, [_row(goal, value) for goal, value in shown])


def _row(goal: Goal, measured: Estimate | float | None) -> tuple[str, ...]:
    limits = ["" if end is None else f"{goal.sign} {end:g}" for end in (goal.must, goal.aim)]
    if measured is None:
        return (goal.what, goal.on, "not measured", *limits, "")
    if isinstance(measured, Estimate):
        shown, value = number(measured, goal.form), measured.value
    else:
        shown, value = f"{measured:{goal.form}}", measured
    return (goal.what, goal.on, shown, *limits, _reached(goal, value))


def _reached(goal: Goal, value: float) -> str:
    holds = _HOLDS[goal.sign]
    if goal.aim is not None and holds(value, goal.aim):
        return "aim"
    return "must" if holds(value, goal.must) else "no"
