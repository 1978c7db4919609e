import os

import numpy as np
import pytest

from loadtest.chaos.memory import PARTS, Memory, Samples, Trend, short_title, trend_of


def samples(growth_mb_per_s: float) -> Samples:
    """100 MB at the start, rising by 50 MB in the first minute, then by `growth_mb_per_s`."""
    at_s = [float(at) for at in range(0, 600, 10)]
    values = [100 + min(at, 60) * 50 / 60 + max(0, at - 60) * growth_mb_per_s for at in at_s]
    return Samples("replica", at_s, values, values)


def test_the_slope_is_that_after_the_warm_up():
    trend = trend_of(1, samples(0.1), warm_up_s=60)

    assert trend.slope_mb_per_h == pytest.approx(360)
    assert trend.first_mb == pytest.approx(150)
    assert not trend.is_flat


def test_what_grows_in_the_warm_up_only_is_flat():
    assert trend_of(1, samples(0.0), warm_up_s=60).is_flat
    assert not trend_of(1, samples(0.0), warm_up_s=0).is_flat


@pytest.mark.parametrize("seed", range(5))
def test_a_leak_of_half_a_gigabyte_a_day_shows_through_the_noise(seed):
    at_s = np.arange(0, 1200, 10.0)  # as in a soak of twenty minutes
    noise_mb = np.random.default_rng(seed).normal(0, 0.3, at_s.size)

    def soaked(leak_mb_per_h: float) -> Trend:
        own_mb = [*(300 + leak_mb_per_h * at_s / 3600 + noise_mb)]
        return trend_of(1, Samples("ray::ServeReplica", [*at_s], own_mb, own_mb), warm_up_s=300)

    assert soaked(0).is_flat
    assert not soaked(20).is_flat


def trend(*medians_mb: float, slope_mb_per_h: float = 15.0, title: str = "raylet") -> Trend:
    ends = (medians_mb[0], medians_mb[-1])
    return Trend(title, 7, 90, *ends, 42.0, slope_mb_per_h, [*medians_mb])


def test_a_small_process_that_goes_on_growing_is_not_flat():
    # A raylet in a soak of twenty minutes.
    assert not trend(34.0, 34.7, 35.5, 36.3, 37.0, 37.8).is_flat


def test_noise_a_jump_and_what_is_very_slow_are_flat():
    assert trend(34.0, 35.5, 34.6, 36.3, 35.0, 37.8).is_flat
    assert trend(34.0, 34.0, 34.0, 37.8, 37.8, 37.8).is_flat
    assert trend(34.00, 34.01, 37.80, 37.81, 37.82, 37.83).is_flat  # of an Inpainter
    assert trend(34.0, 34.1, 34.2, 34.3, 34.4, 34.5, slope_mb_per_h=1.9).is_flat


def test_much_is_growth_whatever_its_course():
    assert not trend(34.0, 34.0, 34.0, 39.1, 39.1, 39.1, title="mask2face").is_flat
    assert trend(300.0, 300.0, 300.0, 308.0, 308.0, 308.0, title="mask2face").is_flat


@pytest.mark.parametrize(("title", "is_much"), [("raylet", False), ("mask2face", True)])
def test_what_rays_own_gain_slowly_is_not_much_however_long_the_soak(title, is_much):
    at_s = np.arange(0, 3600, 30.0)
    slow = [*(34 + 17 * at_s / 3600)]

    assert trend_of(1, Samples(title, [*at_s], slow, slow), warm_up_s=900).grew_much == is_much


@pytest.mark.parametrize("title", ["raylet", "mask2face"])
def test_a_large_jump_is_much_whoever_made_it(title):
    at_s = np.arange(0, 3600, 30.0)
    jump = [*np.where(at_s < 2000, 34.0, 74.0)]

    assert trend_of(1, Samples(title, [*at_s], jump, jump), warm_up_s=900).grew_much


def test_the_medians_are_those_of_equal_parts_of_the_time():
    medians_mb = trend_of(1, samples(0.1), warm_up_s=60).medians_mb

    assert len(medians_mb) == PARTS
    assert medians_mb[0] == pytest.approx(154)
    assert medians_mb[-1] == pytest.approx(199)


def test_each_process_of_the_session_is_sampled():
    memory = Memory(os.getsid(0))
    for second in range(PARTS + 1):
        memory.sample(float(second))
    (own,) = (one for one in memory.trends(warm_up_s=1) if one.pid == os.getpid())

    assert own.samples == PARTS
    assert own.rss_mb > 5


def test_a_process_that_comes_or_goes_after_the_warm_up_is_told():
    memory = Memory(os.getsid(0))
    memory._samples = {
        1: Samples("stays", [0.0, 300.0, 600.0]),
        2: Samples("warms up", [0.0, 100.0]),
        3: Samples("dies", [0.0, 300.0]),
        4: Samples("is born", [300.0, 600.0]),
    }

    assert memory.came_and_went(warm_up_s=150) == ["dies", "is born"]


@pytest.mark.parametrize(
    ("title", "short"),
    [
        ("ray::ServeController.listen", "ray::ServeController.listen"),
        ("/x/bin/python /x/bin/mask2face serve c.yaml", "mask2face"),
        ("/x/bin/python -u /x/ray/log_monitor.py --session-dir=/tmp", "log_monitor.py"),
        ("/x/gcs_server --log_dir=/tmp", "gcs_server"),
    ],
)
def test_a_process_is_called_by_its_program(title, short):
    assert short_title(title) == short
