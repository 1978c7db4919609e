"""The marks that count, beside what they must be and what they aim at."""

from collections.abc import Callable
from dataclasses import dataclass

from models.training.evaluation.cells import number, table
from models.training.evaluation.pairs import FOUND
from models.training.evaluation.report import Report
from models.training.evaluation.statistics import Estimate


@dataclass(frozen=True)
class Goal:
    """One mark."""

    what: str
    on: str
    form: str
    must: float
    aim: float
    measured: Callable[[Report], Estimate | float | None]
    least: bool = False  # the lower the better


def _mark(name: str) -> Callable[[Report], Estimate | None]:
    return lambda report: report.whole.marks[FOUND][name]


def _bare(report: Report) -> Estimate | None:
    return report.bare.landmarks["all"] if report.bare else None


def _a_face(report: Report) -> float:
    return sum(gmac for net, gmac in report.compute.items() if net != "crop")


_PICTURES, _REAL = "pictures", "real masks"
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
    Goal("landmark error / eye distance", "bare faces", ".4f", 0.04, 0.03, _bare, least=True),
    Goal(
        "landmark error / eye distance, hidden lips and jaw",
        _PICTURES,
        ".4f",
        0.075,
        0.06,
        lambda r: r.landmarks["lips and jaw"],
        least=True,
    ),
    Goal(
        "share in which the judge still sees a mask",
        _REAL,
        ".3f",
        0.05,
        0.01,
        lambda r: r.sights.get("real painted"),
        least=True,
    ),
    Goal("GMAC of a face, all but the detector", "256 px", ".2f", 8.0, 6.0, _a_face, least=True),
)


def goal_table(report: Report) -> str:
    """The goals, what was measured, and which are reached."""
    head = ("mark", "on", "measured", "must", "aim", "reached")
    return table(head, [_row(goal, goal.measured(report)) for goal in GOALS])


def _row(goal: Goal, measured: Estimate | float | None) -> tuple[str, ...]:
    sign = "<=" if goal.least else ">="
    limits = (f"{sign} {goal.must:g}", f"{sign} {goal.aim:g}")
    if measured is None:
        return (goal.what, goal.on, "not measured", *limits, "")
    shown = (
        number(measured, goal.form) if isinstance(measured, Estimate) else f"{measured:{goal.form}}"
    )
    value = measured.value if isinstance(measured, Estimate) else measured
    return (goal.what, goal.on, shown, *limits, _reached(goal, value))


def _reached(goal: Goal, value: float) -> str:
    def holds(limit: float) -> bool:
        return value <= limit if goal.least else value >= limit

    return "aim" if holds(goal.aim) else "must" if holds(goal.must) else "no"
