from dataclasses import fields

import pytest

from models.training.evaluation.evaluate import Evaluation
from models.training.evaluation.marks import PictureMarks
from models.training.evaluation.pairs import PairScore
from models.training.evaluation.report import summarize
from models.training.evaluation.swaps import SwapMarks, SwapScore

VALUES = (1.0, 2.0, 30.0)  # one picture is an outlier
MEAN, MEDIAN = 11.0, 2.0


def report(**scores):
    lists = {name: [] for name in ("pairs", "bare", "real", "swaps", "large")} | scores
    return summarize(Evaluation("tiny", None, {}, {}, **lists, scenes=None, scenes_held_back=False))


def marks(kind, value):
    return kind(**dict.fromkeys((field.name for field in fields(kind)), value))


def pair(value):
    ways = {"found mask": marks(PictureMarks, value)}
    return PairScore("1", "a", "cloth", "frontal", True, True, 1.0, ways, {}, {}, {})


def test_sharpness_and_detail_are_medians_and_the_other_marks_are_means():
    found = report(pairs=[pair(value) for value in VALUES]).whole.marks["found mask"]

    values = {name: own.value for name, own in found.items()}
    means = dict.fromkeys(("psnr", "ssim", "hole_psnr", "l1"), MEAN)
    assert values == pytest.approx(means | {"sharpness": MEDIAN, "detail": MEDIAN})


def test_the_sharpness_of_swaps_is_a_median_too():
    swaps = [SwapScore("1", marks(SwapMarks, value)) for value in VALUES]

    swap = report(pairs=[pair(1.0)], swaps=swaps).swap

    assert swap.sharpness.value == MEDIAN
    assert swap.swapped_hole_psnr.value == pytest.approx(MEAN)
