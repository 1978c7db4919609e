"""An evaluation's report as tables to read."""

from collections.abc import Mapping, Sequence

from models.training.crop.score import SceneScore
from models.training.evaluation.report import GroupReport, MaskReport, Report, SwapReport
from models.training.evaluation.statistics import Estimate

# Mark -> title and number format.
_MARKS = {
    "psnr": ("PSNR, dB", ".2f"),
    "ssim": ("SSIM", ".4f"),
    "hole_psnr": ("hole PSNR, dB", ".2f"),
    "l1": ("L1", ".4f"),
    "sharpness": ("sharpness", ".3f"),
    "detail": ("detail", ".3f"),
}
_WORDS = """Means over the pictures, of sharpness and detail medians; in brackets the 95 % interval
of 1,000 bootstrap samples. The true mask's and the baselines' rows know the mask; the found
mask's row is what a user gets."""


def to_markdown(report: Report) -> str:
    """The report as Markdown."""
    parts = [
        f"# Evaluation of weights {report.weights}",
        " ".join(_WORDS.split()),
        _mask_table(report),
        "## Pictures",
        _way_table(report.whole.marks),
        "## By source",
        _group_table(report.by_source),
        "## By kind of mask",
        _group_table(report.by_kind),
        _landmark_part(report.landmarks),
    ]
    parts += [_swap_part(report.swap)] if report.swap else []
    parts += [_scene_part(report.scenes)] if report.scenes else []
    return "\n\n".join(part for part in parts if part) + "\n"


def _mask_table(report: Report) -> str:
    rows = [("drawn or photographed", report.whole.mask)]
    rows += [("real", report.real)] if report.real else []
    rows += [(f"real, {kind}", own) for kind, own in report.real_by_kind.items()]
    head = ("masks", "pictures", "face found", "found worn", "IoU", "IoU, worst tenth")
    return _table(head, [(name, *_mask_cells(own)) for name, own in rows])


def _mask_cells(own: MaskReport) -> tuple[str, ...]:
    worst = "" if own.iou_worst_tenth is None else f"{own.iou_worst_tenth:.3f}"
    return (
        f"{own.pictures}",
        f"{own.face_found:.1%}",
        f"{own.worn:.1%}",
        _number(own.iou, ".3f"),
        worst,
    )


def _way_table(ways: Mapping[str, Mapping[str, Estimate | None]]) -> str:
    head = ("", *(title for title, _ in _MARKS.values()))
    rows = [
        (way, *(_number(marks[name], form) for name, (_, form) in _MARKS.items()))
        for way, marks in ways.items()
    ]
    return _table(head, rows)


def _group_table(groups: Mapping[str, GroupReport]) -> str:
    head = ("", "pictures", "face found", "IoU", *(title for title, _ in _MARKS.values()))
    rows = [
        (
            name,
            f"{group.mask.pictures}",
            f"{group.mask.face_found:.1%}",
            _number(group.mask.iou, ".3f"),
            *(_number(group.marks["found mask"][m], form) for m, (_, form) in _MARKS.items()),
        )
        for name, group in groups.items()
    ]
    return _table(head, rows)


def _landmark_part(regions: Mapping[str, Estimate | None]) -> str:
    known = [(region, _number(error, ".4f")) for region, error in regions.items() if error]
    if not known:
        return ""
    return "## Landmarks under the mask\n\n" + _table(("", "error, eye distances"), known)


def _swap_part(swap: SwapReport) -> str:
    rows = [
        ("persons", f"{swap.pictures}"),
        ("swapped", f"{swap.swapped:.1%}"),
        ("hole PSNR painted, dB", _number(swap.painted_hole_psnr, ".2f")),
        ("hole PSNR swapped, dB", _number(swap.swapped_hole_psnr, ".2f")),
        ("correlation of the hole with the warped reference", _number(swap.to_reference, ".3f")),
        ("correlation of the hole with the painted face", _number(swap.to_painted, ".3f")),
    ]
    return "## Swap\n\n" + _table(("", ""), rows)


def _scene_part(scenes: SceneScore) -> str:
    rows = [
        ("photos", f"{scenes.photos}"),
        ("faces of 48 px or more", f"{scenes.faces}"),
        ("recall at IoU 0.5", f"{scenes.recall:.3f}"),
        ("false positives a photo", f"{scenes.false_positives:.2f}"),
        ("mean IoU", f"{scenes.mean_iou:.3f}"),
    ]
    sizes = [
        (f"recall of {size} px", f"{share:.3f} of {count}")
        for size, (share, count) in scenes.recall_by_size.items()
        if count
    ]
    return "## Detector\n\n" + _table(("", ""), rows + sizes)


def _number(value: Estimate | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
