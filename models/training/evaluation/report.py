"""What an evaluation says in numbers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np

from models.training.crop.score import SceneScore
from models.training.evaluation.evaluate import Evaluation
from models.training.evaluation.landmarks import REGIONS
from models.training.evaluation.marks import PictureMarks
from models.training.evaluation.pairs import PairScore
from models.training.evaluation.real import RealScore
from models.training.evaluation.statistics import Estimate, estimate, worst_tenth
from models.training.evaluation.swaps import SwapScore

# A few smooth or noisy pictures would carry the means of these away.
_MEDIANS = ("sharpness", "detail")


@dataclass(frozen=True)
class MaskReport:
    """The found masks of some pictures."""

    pictures: int
    face_found: float  # share
    worn: float  # share in which a mask was found worn
    iou: Estimate | None
    iou_worst_tenth: float | None


@dataclass(frozen=True)
class GroupReport:
    """Some pictures with a truth."""

    mask: MaskReport
    marks: dict[str, dict[str, Estimate | None]]  # way of painting -> mark


@dataclass(frozen=True)
class SwapReport:
    """The persons with a reference."""

    pictures: int
    swapped: float  # share
    painted_hole_psnr: Estimate | None
    swapped_hole_psnr: Estimate | None
    to_reference: Estimate | None
    to_painted: Estimate | None


@dataclass(frozen=True)
class Report:
    """All numbers of an evaluation."""

    weights: str
    whole: GroupReport
    by_source: dict[str, GroupReport]
    by_kind: dict[str, GroupReport]
    landmarks: dict[str, Estimate | None]  # hidden points, shares of the eyes' distance
    real: MaskReport | None
    real_by_kind: dict[str, MaskReport]
    swap: SwapReport | None
    scenes: SceneScore | None


def summarize(evaluation: Evaluation) -> Report:
    """Means and medians of the pictures' scores."""
    pairs, real, swaps = evaluation.pairs, evaluation.real, evaluation.swaps
    return Report(
        weights=evaluation.weights,
        whole=_group(pairs),
        by_source=_grouped(pairs, lambda score: score.source),
        by_kind=_grouped(pairs, lambda score: score.kind),
        landmarks={
            region: estimate([s.landmarks[region] for s in pairs if region in s.landmarks])
            for region in REGIONS
        },
        real=_masks(real) if real else None,
        real_by_kind={
            kind: _masks([score for score in real if score.kind == kind])
            for kind in sorted({score.kind for score in real})
        },
        swap=_swap(swaps) if swaps else None,
        scenes=evaluation.scenes,
    )


def _group(scores: Sequence[PairScore]) -> GroupReport:
    ways = list(scores[0].marks)
    return GroupReport(
        _masks(scores), {way: _marks([score.marks[way] for score in scores]) for way in ways}
    )


def _grouped(
    scores: Sequence[PairScore], key: Callable[[PairScore], str]
) -> dict[str, GroupReport]:
    names = sorted({key(score) for score in scores})
    return {name: _group([score for score in scores if key(score) == name]) for name in names}


def _masks(scores: Sequence[PairScore | RealScore]) -> MaskReport:
    ious = [score.iou for score in scores]
    return MaskReport(
        pictures=len(scores),
        face_found=float(np.mean([score.found for score in scores])),
        worn=float(np.mean([score.worn for score in scores])),
        iou=estimate(ious),
        iou_worst_tenth=worst_tenth(ious),
    )


def _marks(marks: Sequence[PictureMarks]) -> dict[str, Estimate | None]:
    names = [mark.name for mark in fields(PictureMarks)]
    return {
        name: estimate(
            [getattr(one, name) for one in marks], "median" if name in _MEDIANS else "mean"
        )
        for name in names
    }


def _swap(scores: Sequence[SwapScore]) -> SwapReport:
    marks = [score.marks for score in scores if score.marks]
    return SwapReport(
        pictures=len(scores),
        swapped=len(marks) / len(scores),
        painted_hole_psnr=estimate([mark.painted_hole_psnr for mark in marks]),
        swapped_hole_psnr=estimate([mark.swapped_hole_psnr for mark in marks]),
        to_reference=estimate([mark.to_reference for mark in marks]),
        to_painted=estimate([mark.to_painted for mark in marks]),
    )
