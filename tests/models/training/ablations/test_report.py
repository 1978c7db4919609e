from pathlib import Path

import numpy as np
import pytest

from models.training.ablations.plan import Table
from models.training.ablations.report import in_words, noise_range, to_markdown, to_sheet
from models.training.ablations.rows import Result

ROWS = {"a": {}, "b": {}}
TABLE = Table("loss", "Loss", "inpaint", ROWS, {"faces": ["*"]}, False, Path("plan.yaml"))


def result(value, shade=0):
    strip = np.full((30, 20, 3), shade, np.uint8)
    strip[:10], strip[10:20] = 1, 2
    return Result(100, 10, {"faces": {"SSIM": value}}, strip)


def test_rows_further_apart_than_the_seeds_spread_are_told_apart():
    assert in_words({"a": [1.0, 1.01], "b": [2.0, 2.01]}) == "b is best; worse: a."


def test_rows_within_the_spread_of_the_seeds_are_not_told_apart():
    words = in_words({"a": [1.0, 2.0], "b": [1.2, 2.1]})

    assert words == "b is best; inside the noise of it: a."


def test_two_seeds_a_row_that_lie_clearly_apart_may_still_be_noise():
    real_masks = {"drawn": [0.8206, 0.8406], "drawn and real": [0.8710, 0.9156]}

    assert in_words(real_masks) == "drawn and real is best; inside the noise of it: drawn."


@pytest.mark.parametrize(("rows", "seeds"), [(2, 2), (3, 2), (5, 2), (5, 3)])
def test_rows_that_are_alike_are_told_apart_in_a_twentieth_of_the_tables(rows, seeds):
    rng = np.random.default_rng(5)
    tables = rng.standard_normal((2000, rows, seeds))

    words = [in_words({f"row {i}": list(own) for i, own in enumerate(t)}) for t in tables]

    assert 0.035 < np.mean(["worse" in said for said in words]) < 0.065


# From scipy.stats.studentized_range.ppf(0.95, rows, rows * (seeds - 1)) of SciPy 1.17.
@pytest.mark.parametrize(
    ("rows", "seeds", "known"),
    [(2, 2, 6.0849), (3, 2, 5.9096), (4, 2, 5.7571), (5, 2, 5.6731), (5, 3, 4.6543)],
)
def test_the_range_of_rows_that_are_alike_is_that_of_the_tables(rows, seeds, known):
    assert noise_range(rows, seeds) == pytest.approx(known, rel=0.003)


def test_of_a_loss_the_lowest_is_best():
    assert in_words({"a": [1.0, 1.01], "b": [2.0, 2.01]}, lower_is_better=True).startswith("a is")


def test_one_seed_is_said_to_tell_nothing():
    assert "one seed tells nothing" in in_words({"a": [1.0], "b": [2.0]})


def test_a_table_gives_mean_and_half_of_the_range():
    runs = {"a": [result(0.8), result(0.9)], "b": [result(0.5), result(0.5)]}

    text = to_markdown(TABLE, runs, minutes=1)

    assert "| a | 100 | 0.8500 ± 0.0500 |" in text
    assert "SSIM: a is best; worse: b." in text


def test_marks_of_several_groups_are_told_apart():
    one = Result(1, 1, {"x": {"SSIM": 0.1}, "y": {"SSIM": 0.2}}, np.zeros((3, 1, 3), np.uint8))

    assert "| SSIM (x) | SSIM (y) |" in to_markdown(TABLE, {"a": [one]}, minutes=1)


def test_a_sheet_shows_what_was_given_and_the_truth_once():
    sheet = to_sheet({"a": [result(0, shade=7)], "b": [result(0, shade=9)]})

    assert sheet[::10, 0, 0].tolist() == [1, 2, 7, 9]


@pytest.mark.parametrize("value", [0.5, 20.0])
def test_large_numbers_get_fewer_digits(value):
    text = to_markdown(TABLE, {"a": [result(value)]}, minutes=1)

    assert ("20.00 ± 0.00" if value > 5 else "0.5000 ± 0.0000") in text
