import asyncio

import pytest

from loadtest.bench import stages
from loadtest.bench.stages import parse, read_stage_seconds, stage_times
from loadtest.judge import RefusedError
from tests.loadtest.small_server import raw, serving

TEXT = """\
# HELP mask2face_stage_seconds Seconds of one call of a stage.
# TYPE mask2face_stage_seconds histogram
mask2face_stage_seconds_bucket{stage="crop",part="queue",replica="a",le="+Inf"} 4
mask2face_stage_seconds_count{stage="crop",part="queue",replica="a"} 4
mask2face_stage_seconds_sum{stage="crop",part="queue",replica="a"} 0.2
mask2face_stage_seconds_sum{stage="crop",part="queue",replica="b"} 0.1
mask2face_stage_seconds_sum{stage="crop",part="compute",replica="a"} 0.4
# TYPE ray_other counter
ray_other_total 3
"""


def test_the_seconds_of_all_replicas_are_added():
    seconds = parse(TEXT)

    assert seconds["crop", "queue"] == pytest.approx(0.3)
    assert seconds["crop", "compute"] == pytest.approx(0.4)


def test_metrics_that_are_not_to_be_had_are_no_zeros(monkeypatch):
    async def full(_number: int, _body: bytes) -> bytes:
        return raw(503)

    monkeypatch.setattr(stages, "EXPORT_S", 0)
    with serving(full) as server, pytest.raises(RefusedError, match="/metrics: status 503"):
        asyncio.run(read_stage_seconds(server.url))


def test_what_a_stage_takes_beyond_queue_and_compute_is_the_hop():
    before = {("crop", "queue"): 1.0, ("crop", "compute"): 2.0}
    # A request's wait before it is decoded is only in Server-Timing's total.
    after = {("crop", "queue"): 1.1, ("crop", "compute"): 2.4, ("place", "queue"): 0.2}
    timings = {"decode": 7.0, "crop": 60.0, "total": 80.0}

    crop, http, decode = stage_times(before, after, 10, timings, client_ms=90.0)

    assert (crop.queue_ms, crop.compute_ms, crop.hop_ms) == pytest.approx((10, 40, 10))
    assert (http.stage, http.hop_ms) == ("HTTP", 10)
    assert (decode.compute_ms, decode.hop_ms) == (7, 0)


def test_a_stage_takes_what_server_timing_says_though_queue_and_compute_exceed_it():
    after = {("crop", "queue"): 0.1, ("crop", "compute"): 0.6}

    (crop,) = stage_times({}, after, 10, {"crop": 60.0}, client_ms=0.0)

    assert (crop.compute_ms, crop.hop_ms, crop.total_ms) == pytest.approx((60, 0, 60))
