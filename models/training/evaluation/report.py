"""An evaluation in numbers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np

from models.training.crop.score import SceneScore
from models.training.evaluation.bare import BareScore
from models.training.evaluation.evaluate import Evaluation
from models.training.evaluation.landmarks import REGIONS
from models.training.evaluation.large import LargeScore
from models.training.evaluation.marks import PictureMarks
from models.training.evaluation.pairs import PairScore
from models.training.evaluation.real import RealScore
from models.training.evaluation.residual import SEEN
from models.training.evaluation.swaps import SwapScore
from models.training.statistics import Estimate, estimate, worst_tenth

Score = TypeVar("Score")
Part = TypeVar("Part")

# A few smooth or noisy pictures would distort the means of these.
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
class BareReport:
    """The bare faces."""

    pictures: int
    face_found: float  # share
    worn: float  # share in which a mask was found worn: they would be painted over
    landmarks: dict[str, Estimate | None]  # all points, shares of the eyes' distance
    ready: dict[str, Estimate | None]  # the same in the truth's frame


@dataclass(frozen=True)
class SwapReport:
    """The persons with a reference."""

    pictures: int
    swapped: float  # share
    painted_hole_psnr: Estimate | None
    swapped_hole_psnr: Estimate | None
    sharpness: Estimate | None  # of the swapped photos
    own: int  # persons whose hole shows the reference rather than the painted face
    to_reference: Estimate | None
    to_painted: Estimate | None


@dataclass(frozen=True)
class LargeReport:
    """Faces that the photo shows finer than the editor paints."""

    pictures: int
    finer: float  # px of the photo per px of the patch, mean
    marks: dict[str, dict[str, Estimate | None]]  # way to enlarge -> mark
    ms: dict[str, float]  # of processor time, from the net's picture to the photo's


@dataclass(frozen=True)
class Report:
    """All numbers of an evaluation."""

    weights: str
    judge: str | None
    compute: dict[str, float]  # net -> GMAC
    whole: GroupReport
    by_source: dict[str, GroupReport]
    by_kind: dict[str, GroupReport]
    by_view: dict[str, GroupReport]
    landmarks: dict[str, Estimate | None]  # hidden points, shares of the eyes' distance
    ready_landmarks: dict[str, Estimate | None]  # the same with true mask and frame
    bare: BareReport | None
    real: MaskReport | None
    real_by_kind: dict[str, MaskReport]
    real_by_view: dict[str, MaskReport]
    sights: dict[str, Estimate | None]  # pictures -> share in which the judge sees a mask
    swap: SwapReport | None
    large: LargeReport | None
    scenes: SceneScore | None
    scenes_held_back: bool


def summarize(evaluation: Evaluation) -> Report:
    """Means and medians of the pictures' scores."""
    pairs, real, swaps = evaluation.pairs, evaluation.real, evaluation.swaps
    return Report(
        weights=evaluation.weights,
        judge=evaluation.judge,
        compute=evaluation.compute,
        whole=_group(pairs),
        by_source=_grouped(pairs, lambda score: score.source, _group),
        by_kind=_grouped(pairs, lambda score: score.kind, _group),
        by_view=_grouped(pairs, lambda score: score.view, _group),
        landmarks=_regions([score.landmarks for score in pairs]),
        ready_landmarks=_regions([score.ready_landmarks for score in pairs]),
        bare=_bare(evaluation.bare) if evaluation.bare else None,
        real=_masks(real) if real else None,
        real_by_kind=_grouped(real, lambda score: score.kind, _masks),
        real_by_view=_grouped(real, lambda score: score.view, _masks),
        sights=_sights(pairs, real) if evaluation.judge else {},
        swap=_swap(swaps) if swaps else None,
        large=_large(evaluation.large) if evaluation.large else None,
        scenes=evaluation.scenes,
        scenes_held_back=evaluation.scenes_held_back,
    )


def _group(scores: Sequence[PairScore]) -> GroupReport:
    ways = list(dict.fromkeys(way for score in scores for way in score.marks))
    return GroupReport(
        _masks(scores),
        {way: _marks([s.marks[way] for s in scores if way in s.marks]) for way in ways},
    )


def _grouped(
    scores: Sequence[Score], key: Callable[[Score], str], report: Callable[[list[Score]], Part]
) -> dict[str, Part]:
    names = sorted({key(score) for score in scores})
    return {name: report([score for score in scores if key(score) == name]) for name in names}


def _regions(errors: Sequence[dict[str, float]]) -> dict[str, Estimate | None]:
    return {
        region: estimate([error[region] for error in errors if region in error])
        for region in REGIONS
    }


def _bare(scores: Sequence[BareScore]) -> BareReport:
    return BareReport(
        pictures=len(scores),
        face_found=float(np.mean([score.found for score in scores])),
        worn=float(np.mean([score.worn for score in scores])),
        landmarks=_regions([score.landmarks for score in scores]),
        ready=_regions([score.ready for score in scores]),
    )


def _sights(pairs: Sequence[PairScore], real: Sequence[RealScore]) -> dict[str, Estimate | None]:
    def share(
        sights: Sequence[dict[str, float]], what: str, missing: list[float]
    ) -> Estimate | None:
        found = [own[what] for own in sights if what in own]
        return estimate([float(value >= SEEN) for value in found + missing])

    ours, theirs = [score.sights for score in pairs], [score.sights for score in real]
    # Where no face was found, the mask is still there.
    left, real_left = ([1.0 for own in sights if not own] for sights in (ours, theirs))
    return {
        "bare": share(ours, "bare", []),
        "masked": share(ours, "masked", []),
        "painted": share(ours, "painted", left),
        "real masked": share(theirs, "masked", []),
        "real painted": share(theirs, "painted", real_left),
    }


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
        sharpness=estimate([mark.sharpness for mark in marks], "median"),
        own=sum(mark.is_own for mark in marks),
        to_reference=estimate([mark.to_reference for mark in marks]),
        to_painted=estimate([mark.to_painted for mark in marks]),
    )


def _large(scores: Sequence[LargeScore]) -> LargeReport:
    ways = list(scores[0].marks)
    return LargeReport(
        pictures=len(scores),
        finer=float(np.mean([score.finer for score in scores])),
        marks={way: _marks([score.marks[way] for score in scores]) for way in ways},
        ms={way: 1e3 * float(np.median([s.seconds[way] for s in scores])) for way in ways},
    )
