import pytest

from loadtest.bench.limit import Form, total


def turn(faces, seconds, latencies_s, nets_s):
    return {"faces": faces, "seconds": seconds, "latencies_s": latencies_s, "nets_s": nets_s}


def test_the_turns_of_two_processes_add_up():
    form = Form("2 processes", 2, 1, 1)
    turns = [turn(3, 1.5, [0.5, 0.4, 0.6], 0.9), turn(1, 0.5, [0.5], 0.3)]

    summed = total(form, turns)

    assert summed.faces_per_s == pytest.approx(2 * 4 / 2.0)
    assert summed.p50_ms == pytest.approx(500)
    assert summed.nets_ms == pytest.approx(300)
