import numpy as np
import pytest

from models.bench import difference, load_plain, take_turns, time_nets
from models.checkpoint import load_manifest
from models.stages import load_models


def test_the_difference_counts_pixels_by_their_worst_channel():
    one = np.zeros((2, 2, 3), np.uint8)
    other = one.copy()
    other[0, 0] = (0, 0, 5)
    other[1, 1] = (4, 4, 4)

    mean, near = difference(one, other)

    assert mean == pytest.approx(17 / 12)
    assert near == 0.75


def test_calls_take_turns():
    order = []

    times = take_turns({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, rounds=2)

    assert order == ["a", "b"] * 4  # two rounds more, to warm up
    assert all(one.wall_ms >= 0 for one in times.values())


def test_the_table_has_each_net_and_their_sum(tiny_weights, capsys):
    time_nets(load_plain(load_manifest(tiny_weights)), load_models(tiny_weights), rounds=1)

    rows = [line.split("|")[1].strip() for line in capsys.readouterr().out.splitlines()[2:]]
    assert rows == ["crop", "mask", "landmarks", "inpaint", "sum"]
