import os

import pytest

from loadtest.chaos.memory import Memory, Samples, short_title, trend_of


def samples(growth_mb_per_s: float) -> Samples:
    """100 MB at the start, growing from 60 s on; before, it rises by 50 MB a minute."""
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


def test_each_process_of_the_session_is_sampled():
    memory = Memory(os.getsid(0))
    for second in range(3):
        memory.sample(float(second))
    (own,) = (one for one in memory.trends(warm_up_s=1) if one.pid == os.getpid())

    assert own.samples == 2
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
