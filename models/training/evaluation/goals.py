"""The marks that count, beside the values that they must reach and aim at."""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from models.training.evaluation.cells import number, table
from models.training.evaluation.large import LIFTED, SERVED
from models.training.evaluation.pairs import FOUND
from models.training.evaluation.report import Report
from models.training.statistics import Estimate


@dataclass(frozen=True)
class Goal:
    """One mark."""

    what: str
    on: str
    form: str
    must: float
    aim: float | None
    measured: Callable[[Report], Estimate | float | None]
    sign: Literal[">=", "<=", ">"] = ">="  # relation of the measured value to must and aim
    optional: bool = False  # its pictures are rare in folders: no row unless measured


def _mark(name: str) -> Callable[[Report], Estimate | None]:
    return lambda report: report.whole.marks[FOUND][name]


def _bare(report: Report) -> Estimate | None:
    return report.bare.landmarks["all"] if report.bare else None


def _a_face(report: Report) -> float:
    return sum(gmac for net, gmac in report.compute.items() if net != "crop")


def _own_holes(report: Report) -> float | None:
    return report.swap.own / report.swap.pictures if report.swap else None


def _swap_gain(report: Report) -> float | None:
    swap = report.swap
    return _beyond(swap.swapped_hole_psnr, swap.painted_hole_psnr) if swap else None


def _large_gain(mark: str) -> Callable[[Report], float | None]:
    def gain(report: Report) -> float | None:
        ways = report.large.marks if report.large else None
        return _beyond(ways[SERVED][mark], ways[LIFTED][mark]) if ways else None

    return gain


def _beyond(ours: Estimate | None, theirs: Estimate | None) -> float | None:
    return ours.value - theirs.value if ours and theirs else None


_PICTURES, _REAL, _SWAPS, _LARGE = "pictures", "real masks", "swaps", "large faces"
_ENLARGED = "beyond that of the 256 px result, bicubic"
GOALS = (
    Goal("mask IoU", _PICTURES, ".3f", 0.96, 0.985, lambda r: r.whole.mask.iou),
    Goal("mask IoU", _REAL, ".3f", 0.92, 0.96, lambda r: r.real.iou if r.real else None),
    Goal("PSNR, found mask, guessed points, dB", _PICTURES, ".2f", 27.0, 28.5, _mark("psnr")),
    Goal("SSIM, the same", _PICTURES, ".4f", 0.918, 0.930, _mark("ssim")),
    Goal("hole PSNR, the same, dB", _PICTURES, ".2f", 20.8, 22.3, _mark("hole_psnr")),
    Goal("sharpness, the same", _PICTURES, ".3f", 0.75, 0.90, _mark("sharpness")),
    Goal("detail, the same", _PICTURES, ".3f", 0.30, 0.40, _mark("detail")),
    Goal(
        "recall at IoU 0.5 of masked faces >= 32 px, <= 0.1 false boxes a photo",
        "scenes",
        ".3f",
        0.92,
        0.97,
        lambda r: r.scenes.quiet.masked if r.scenes else None,
    ),
    Goal("landmark error / eye distance", "bare faces", ".4f", 0.04, 0.03, _bare, "<="),
    Goal(
        "landmark error / eye distance, hidden lips and jaw",
        _PICTURES,
        ".4f",
        0.075,
        0.06,
        lambda r: r.landmarks["lips and jaw"],
        "<=",
    ),
    Goal(
        "share in which the judge still sees a mask",
        _REAL,
        ".3f",
        0.05,
        0.01,
        lambda r: r.sights.get("real painted"),
        "<=",
    ),
    Goal("GMAC of a face, all but the detector", "256 px", ".2f", 8.0, 6.0, _a_face, "<="),
    Goal(
        "share whose hole is more like the reference than like the painted face",
        _SWAPS,
        ".3f",
        1.0,
        None,
        _own_holes,
        optional=True,
    ),
    Goal(
        "hole PSNR beyond that of painting alone, dB",
        _SWAPS,
        "+.2f",
        -0.5,
        None,
        _swap_gain,
        optional=True,
    ),
    Goal(
        "sharpness",
        _SWAPS,
        ".3f",
        0.85,
        None,
        lambda r: r.swap.sharpness if r.swap else None,
        optional=True,
    ),
    Goal(
        f"sharpness {_ENLARGED}",
        _LARGE,
        "+.4f",
        0.0,
        None,
        _large_gain("sharpness"),
        ">",
        optional=True,
    ),
    Goal(
        f"detail {_ENLARGED}", _LARGE, "+.4f", 0.0, None, _large_gain("detail"), ">", optional=True
    ),
    Goal(f"SSIM {_ENLARGED}", _LARGE, "+.4f", 0.0, None, _large_gain("ssim"), optional=True),
)
_HOLDS = {">=": operator.ge, "<=": operator.le, ">": operator.gt}


def goal_table(report: Report) -> str:
    """The goals, what was measured, and which are reached."""
    head = ("mark", "on", "measured", "must", "aim", "reached")
    marks = [(goal, goal.measured(report)) for goal in GOALS]
    shown = [(g, mark) for g, mark in marks if mark is not None or not g.optional]
    return table(head, [_row(goal, mark) for goal, mark in shown])


def _row(goal: Goal, measured: Estimate | float | None) -> tuple[str, ...]:
    limits = ["" if end is None else f"{goal.sign} {end:g}" for end in (goal.must, goal.aim)]
    if measured is None:
        return (goal.what, goal.on, "not measured", *limits, "")
    shown = (
        number(measured, goal.form) if isinstance(measured, Estimate) else f"{measured:{goal.form}}"
    )
    value = measured.value if isinstance(measured, Estimate) else measured
    return (goal.what, goal.on, shown, *limits, _reached(goal, value))


def _reached(goal: Goal, value: float) -> str:
    holds = _HOLDS[goal.sign]
    if goal.aim is not None and holds(value, goal.aim):
        return "aim"
    return "must" if holds(value, goal.must) else "no"
