"""An evaluation's report as Markdown tables."""

from collections.abc import Mapping

from models.training.evaluation.cells import number, table
from models.training.evaluation.goals import goal_table
from models.training.evaluation.pairs import FOUND
from models.training.evaluation.report import (
    GroupReport,
    LargeReport,
    MaskReport,
    Report,
    SwapReport,
)
from models.training.evaluation.sections import (
    compute_section,
    judge_section,
    landmark_section,
    scene_section,
)
from models.training.statistics import Estimate

# Mark -> title and number format.
_MARKS = {
    "psnr": ("PSNR, dB", ".2f"),
    "ssim": ("SSIM", ".4f"),
    "hole_psnr": ("hole PSNR, dB", ".2f"),
    "l1": ("L1", ".4f"),
    "sharpness": ("sharpness", ".3f"),
    "detail": ("detail", ".3f"),
}
_WORDS = """Means over the pictures (medians for sharpness and detail), with the 95 % interval of
1,000 bootstrap samples in brackets. The row of the found mask is what a user gets, and what the
goals are for. The rows of the true mask and of the baselines are given the mask; a ready crop is
cut by the truth's landmarks. View: by the truth's landmarks, for real masks by the points along
which the service paints."""


def to_markdown(report: Report) -> str:
    """The report as Markdown."""
    parts = [
        f"# Evaluation of weights {report.weights}",
        goal_table(report),
        " ".join(_WORDS.split()),
        "## Masks",
        _mask_table(report),
        "## Pictures",
        _way_table(report.whole.marks),
        "## By source",
        _group_table(report.by_source),
        "## By kind of mask",
        _group_table(report.by_kind),
        "## By view",
        _group_table(report.by_view),
        landmark_section(report),
        judge_section(report),
        compute_section(report.compute),
    ]
    parts += [_swap_part(report.swap)] if report.swap else []
    parts += [_large_part(report.large)] if report.large else []
    if report.scenes:
        parts.append(scene_section(report.scenes, report.scenes_held_back))
    return "\n\n".join(part for part in parts if part) + "\n"


def _mask_table(report: Report) -> str:
    rows = [("drawn or photographed", report.whole.mask)]
    rows += [("real", report.real)] if report.real else []
    groups = {**report.real_by_kind, **report.real_by_view}
    rows += [(f"real, {name}", own) for name, own in groups.items()]
    head = ("masks", "pictures", "face found", "found worn", "IoU", "IoU, worst tenth")
    return table(head, [(name, *_mask_cells(own)) for name, own in rows])


def _mask_cells(own: MaskReport) -> tuple[str, ...]:
    worst = "" if own.iou_worst_tenth is None else f"{own.iou_worst_tenth:.3f}"
    return (
        f"{own.pictures}",
        f"{own.face_found:.1%}",
        f"{own.worn:.1%}",
        number(own.iou, ".3f"),
        worst,
    )


def _way_table(ways: Mapping[str, Mapping[str, Estimate | None]]) -> str:
    head = ("", *(title for title, _ in _MARKS.values()))
    rows = [
        (way, *(number(marks[name], form) for name, (_, form) in _MARKS.items()))
        for way, marks in ways.items()
    ]
    return table(head, rows)


def _group_table(groups: Mapping[str, GroupReport]) -> str:
    head = ("", "pictures", "face found", "IoU", *(title for title, _ in _MARKS.values()))
    rows = [
        (
            name,
            f"{group.mask.pictures}",
            f"{group.mask.face_found:.1%}",
            number(group.mask.iou, ".3f"),
            *(number(group.marks[FOUND][m], form) for m, (_, form) in _MARKS.items()),
        )
        for name, group in groups.items()
    ]
    return table(head, rows)


def _swap_part(swap: SwapReport) -> str:
    rows = [
        ("persons", f"{swap.pictures}"),
        ("swapped", f"{swap.swapped:.1%}"),
        ("hole PSNR painted, dB", number(swap.painted_hole_psnr, ".2f")),
        ("hole PSNR swapped, dB", number(swap.swapped_hole_psnr, ".2f")),
        ("sharpness swapped", number(swap.sharpness, ".3f")),
        ("persons whose hole is more like the reference", f"{swap.own} of {swap.pictures}"),
        ("correlation of the hole with the warped reference", number(swap.to_reference, ".3f")),
        ("correlation of the hole with the painted face", number(swap.to_painted, ".3f")),
    ]
    return "## Swap\n\n" + table(("", ""), rows)


def _large_part(large: LargeReport) -> str:
    words = (
        f"{large.pictures} faces, by {large.finer:.2f} finer in the photo than the editor paints; "
        "true mask, guessed points. `bicubic enlargement` takes the net's own picture; all other "
        "rows lift it first, at 256 px, as the service does with faces of every size. What is done "
        "for large faces alone is `as served` (cleared once more, a little grain of the skin, "
        "enlarged in one step) against the lifted bicubic row. Enlarging takes no net (0 GMAC); "
        "from the net's picture to the photo's, median processor time: "
        + ", ".join(f"{way} {ms:.1f} ms" for way, ms in large.ms.items())
    )
    return "\n\n".join(["## Large faces", f"{words}.", _way_table(large.marks)])
