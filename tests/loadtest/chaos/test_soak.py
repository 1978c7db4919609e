import asyncio
import contextlib
import sys
import time
from dataclasses import replace

import pytest

from loadtest.chaos import soak
from loadtest.chaos.memory import Trend
from loadtest.chaos.run import Load
from loadtest.chaos.soak import Soaked, _send_and_watch, markdown
from loadtest.open_loop import Summary
from tests.loadtest.chaos.test_run import TrustingExam
from tests.loadtest.small_server import raw, serving

CALM = Summary(1000, 1000, 0, 0, {200: 1000}, 90.0, 150.0, 200.0, 1.0, 2.0)
FLAT = Trend("ray::ServeReplica:x", 7, 60, 300.0, 301.0, 400.0, 5.0, [300.0] * 6)
SLOW = replace(FLAT, slope_mb_per_h=12.4, medians_mb=[300.0, 301.0, 302.0, 303.0, 304.0, 305.0])
SOAKED = Soaked(20.0, Load(90.0, 10.0, 7.0), CALM, [FLAT], [], [], 5.0)


def with_summary(**changes):
    return replace(SOAKED, summary=replace(CALM, **changes))


def test_a_soak_that_leaves_nothing_behind_is_clean():
    assert SOAKED.is_clean


def test_a_few_may_find_the_queue_full():
    assert with_summary(right=995, statuses={200: 995, 503: 5}).is_clean
    assert not with_summary(right=980, statuses={200: 980, 503: 20}).is_clean


def test_none_may_be_lost_or_wrong():
    assert not with_summary(right=999, lost=1, statuses={200: 999}).is_clean
    assert not with_summary(right=999, wrong=1).is_clean
    assert not with_summary(right=999, statuses={200: 999, 500: 1}).is_clean


def test_a_process_that_grew_or_a_file_that_was_left_spoils_it():
    assert not replace(SOAKED, trends=[replace(FLAT, last_mb=600.0)]).is_clean
    assert not replace(SOAKED, trends=[SLOW]).is_clean
    assert not replace(SOAKED, files=["photo.jpg"]).is_clean


def test_slow_growth_of_rays_own_is_named_and_only_much_of_it_spoils_a_soak():
    raylet = replace(SLOW, title="raylet")
    leak = replace(raylet, last_mb=600.0, slope_mb_per_h=1200.0)
    slow, much = (replace(SOAKED, trends=[one]) for one in (raylet, leak))

    assert slow.is_clean
    assert "| grows 12 MB/h (not our code) |" in markdown("a machine", slow)
    assert not much.is_clean


def test_the_table_has_our_processes_and_those_that_are_not_flat():
    raylet, gcs = replace(SLOW, title="raylet"), replace(FLAT, title="gcs_server")
    text = markdown("a machine", replace(SOAKED, trends=[FLAT, raylet, gcs]))

    assert "| ray::ServeReplica:x |" in text
    assert "| raylet |" in text
    assert "| gcs_server |" not in text
    assert "1 others flat." in text


def test_a_jump_is_told_from_what_goes_on():
    medians_mb = [314.0, 314.0, 308.0, 333.0, 333.0, 333.0]
    jumped = replace(FLAT, last_mb=334.0, slope_mb_per_h=91.0, medians_mb=medians_mb)
    soaked = replace(SOAKED, trends=[jumped])

    assert not soaked.is_clean
    assert "| rose by 19 MB |" in markdown("a machine", soaked)


@pytest.mark.parametrize(("minutes", "is_kept"), [(1.0, False), (20.0, True)])
def test_a_short_run_leaves_the_record_as_it_is(monkeypatch, capsys, minutes, is_kept):
    kept = []
    monkeypatch.setattr(sys, "argv", ["soak", "--minutes", str(minutes)])
    monkeypatch.setattr(soak, "serving_graph", lambda **_: contextlib.nullcontext())
    monkeypatch.setattr(soak, "soak", lambda *_: SOAKED)
    monkeypatch.setattr(soak, "publish", lambda name, *_: kept.append(name))

    assert soak.main() == 0
    assert kept == ["soak"] * is_kept
    assert ("Not kept: under 20 minutes." in capsys.readouterr().out) == (not is_kept)


def test_a_run_at_a_rate_of_its_own_is_not_kept(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["soak", "--minutes", "20", "--rate", "3"])
    monkeypatch.setattr(soak, "serving_graph", lambda **_: contextlib.nullcontext())
    monkeypatch.setattr(soak, "soak", lambda *_: SOAKED)
    monkeypatch.setattr(soak, "publish", lambda *_: pytest.fail("published"))

    assert soak.main() == 0


def test_a_late_sender_is_told():
    late, punctual = (markdown("a machine", with_summary(late_p99_ms=one)) for one in (50.0, 2.0))

    assert "The sender was 50 ms late" in late
    assert "late" not in punctual


def test_a_process_that_was_replaced_may_have_taken_its_leak_along():
    assert not replace(SOAKED, came_and_went=["ingress"]).is_clean
    assert not replace(SOAKED, trends=[]).is_clean


def test_what_ends_the_watching_is_raised():
    async def behaviour(_number: int, _body: bytes) -> bytes:
        return raw()

    class Broken:
        def sample(self, _at_s: float) -> None:
            raise PermissionError("no memory to look at")

    exam, start = TrustingExam(), time.monotonic()
    with serving(behaviour) as server, pytest.raises(PermissionError):
        asyncio.run(_send_and_watch(server.url, exam, Load(90.0, 10.0, 1.0), 20.0, Broken()))
    assert time.monotonic() - start < 10  # not at the end of the load


def test_the_table_says_how_many_were_refused():
    text = markdown("a machine", with_summary(right=995, statuses={200: 995, 503: 5}))

    assert "995 of 1000 answered correctly, 5 x 503, 0 lost" in text
