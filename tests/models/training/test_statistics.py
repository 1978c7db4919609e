import numpy as np
import pytest

from models.training.statistics import Estimate, estimate, estimate_share, worst_tenth


def test_the_interval_of_a_mean_is_as_wide_as_the_normal_one():
    values = list(np.random.default_rng(0).normal(5, 2, 400))

    mean = estimate(values)

    assert mean.value == pytest.approx(np.mean(values))
    assert mean.low < mean.value < mean.high
    assert mean.high - mean.low == pytest.approx(2 * 1.96 * 2 / np.sqrt(400), rel=0.15)


def test_a_median_does_not_follow_an_outlier():
    assert estimate([1.0, 2.0, 3.0, 1000.0, 2.0], "median").value == 2


def test_the_interval_leaves_out_one_resampled_mean_in_forty_on_each_side():
    values = np.random.default_rng(1).exponential(size=400)
    means = np.random.default_rng(2).choice(values, (4000, 400)).mean(axis=1)

    mean = estimate(list(values))

    assert np.mean(means < mean.low) == pytest.approx(1 / 40, abs=0.012)
    assert np.mean(means > mean.high) == pytest.approx(1 / 40, abs=0.012)


def test_the_interval_of_a_share_leaves_out_one_in_forty_on_each_side():
    hits = np.random.default_rng(1).integers(101, size=400) ** 2
    counts = np.full(400, 100**2)
    shares = np.random.default_rng(2).choice(hits, (4000, 400)).mean(axis=1) / 100**2

    share = estimate_share(hits, counts)

    assert np.mean(shares < share.low) == pytest.approx(1 / 40, abs=0.012)
    assert np.mean(shares > share.high) == pytest.approx(1 / 40, abs=0.012)


def test_equal_values_have_no_interval():
    assert estimate([3.0] * 10) == Estimate(3.0, 3.0, 3.0)


def test_no_values_have_no_estimate():
    assert estimate([]) is None
    assert worst_tenth([]) is None


def test_the_worst_tenth_is_the_mean_of_the_lowest():
    assert worst_tenth([float(value) for value in range(20)]) == 0.5


def test_of_few_values_the_worst_tenth_is_the_lowest():
    assert worst_tenth([3.0, 1.0, 2.0]) == 1


def test_an_estimate_is_written_with_its_interval():
    assert f"{Estimate(26.123, 25.8, 26.49):.1f}" == "26.1 (25.8 to 26.5)"


def test_a_share_is_that_of_all_members():
    assert estimate_share([3, 0, 1], [3, 4, 1]).value == 0.5


def test_alike_members_of_a_group_widen_the_interval():
    alike = estimate_share([10, 0] * 10, [10, 10] * 10)
    mixed = estimate_share([5] * 20, [10] * 20)

    assert (mixed.low, mixed.high) == (0.5, 0.5)
    assert alike.high - alike.low > 0.3


def test_a_share_of_nothing_has_no_estimate():
    assert estimate_share([0, 0], [0, 0]) is None
