"""Sections of the report beyond picture lists: landmarks, judge, compute, detector."""

from collections.abc import Mapping

from models.nets.budgets import FACE_BUDGET_GMAC, NETS
from models.training.crop.score import LOWEST_SCORE, MOST_FALSE, SMALLEST_PX, Operation, SceneScore
from models.training.evaluation.cells import number, table
from models.training.evaluation.report import BareReport, Report
from models.training.statistics import Estimate

_SIGHTS = {
    "bare": "pictures, bare (false alarms)",
    "masked": "pictures, masked (what it must see)",
    "painted": "pictures, painted",
    "real masked": "real masks, as they are (what it must see)",
    "real painted": "real masks, painted",
}


def landmark_section(report: Report) -> str:
    """Errors of hidden and of bare points; empty without landmarks of the truth."""
    hidden = _known(report.landmarks, report.ready_landmarks)
    if not hidden:
        return ""
    head = ("", "service", "ready crop, true mask")
    parts = ["## Landmarks under the mask, error in eye distances", table(head, hidden)]
    if report.bare:
        parts += ["## Landmarks of bare faces", _bare_words(report.bare)]
        parts += [
            table(("", "service", "ready crop"), _known(report.bare.landmarks, report.bare.ready))
        ]
    return "\n\n".join(parts)


def judge_section(report: Report) -> str:
    """How often the judge sees a mask; empty without a judge."""
    if not report.judge:
        return ""
    words = (
        f"Judge {report.judge[:12]}. Where no face was found, the mask stays on and counts as "
        "seen; such pictures are left out of the other rows."
    )
    rows = [(title, number(report.sights[name], ".3f")) for name, title in _SIGHTS.items()]
    return "\n\n".join(["## Remains of masks", words, table(("", "a mask is seen in"), rows)])


def compute_section(compute: Mapping[str, float]) -> str:
    """Multiply-accumulates of each net and of everything that one face takes."""
    rows = [(net, f"{gmac:.2f}", f"{NETS[net].budget_gmac:.1f}") for net, gmac in compute.items()]
    a_face = sum(gmac for net, gmac in compute.items() if net != "crop")
    rows.append(("a face: all but crop", f"{a_face:.2f}", f"{FACE_BUDGET_GMAC:.1f}"))
    return "## Compute\n\n" + table(("net", "GMAC", "budget"), rows)


def scene_section(scenes: SceneScore, held_back: bool) -> str:
    """The detector: recall at each threshold and by size, and its mistakes."""
    operations = {
        f"at most {MOST_FALSE} false a photo": scenes.quiet,
        "the same, loose boxes not counted as false": scenes.lenient,
        "as served": scenes.served,
    }
    head = (
        "",
        "score from",
        f"recall, masked >= {SMALLEST_PX:.0f} px ({scenes.masked_faces})",
        f"recall, all >= {SMALLEST_PX:.0f} px ({scenes.faces})",
        "false a photo",
        "of these loose",
        "unlabelled faces a photo",
    )
    rows = [(name, *_operation_cells(operation)) for name, operation in operations.items()]
    sizes = [
        (
            f"{size} px",
            f"{own.masked:.3f} of {own.masked_faces}",
            f"{own.every:.3f} of {own.faces}",
        )
        for size, own in scenes.by_size.items()
    ]
    parts = ["## Detector", _scene_words(scenes, held_back), table(head, rows)]
    return "\n\n".join([*parts, table(("face", "recall, masked", "recall, all"), sizes)])


def _operation_cells(operation: Operation) -> tuple[str, ...]:
    return (
        f"{operation.threshold:.3f}",
        number(operation.masked, ".3f"),
        number(operation.every, ".3f"),
        f"{operation.false_boxes:.3f}",
        f"{operation.loose_boxes:.3f}",
        f"{operation.unlabelled_faces:.3f}",
    )


def _scene_words(scenes: SceneScore, held_back: bool) -> str:
    part = "the fifth that training leaves out" if held_back else "trained on or not"
    unseen = sum(stray.face is None for stray in scenes.strays)
    words = (
        f"{scenes.photos} photos, {part}; intervals from resampled photos, the threshold held. "
        "A box finds a face from an IoU of 0.5. Loose: on a labelled face (IoU from 0.3), but "
        "inexact or its second box. "
        f"Of {len(scenes.missed)} missed masked faces, the worst on sheet_missed.jpg, "
        f"{scenes.faint} were found with a lower score and {scenes.nearly} have a loose box only. "
        f"Mean IoU of the found {scenes.mean_iou:.3f}. "
        f"{len(scenes.strays)} boxes of score {LOWEST_SCORE} or more are of no labelled face: "
        "strays.csv lists them, strays_N.jpg shows them"
    )
    if unseen:
        return f"{words}; nobody has looked at {unseen} of them, and these count as false."
    return f"{words}; all were looked at."


def _bare_words(bare: BareReport) -> str:
    return (
        f"{bare.pictures} bare faces: {bare.face_found:.1%} found, in {bare.worn:.1%} a mask is "
        "taken for worn."
    )


def _known(
    service: Mapping[str, Estimate | None], ready: Mapping[str, Estimate | None]
) -> list[tuple[str, str, str]]:
    return [
        (region, number(error, ".4f"), number(ready[region], ".4f"))
        for region, error in service.items()
        if error or ready[region]
    ]
