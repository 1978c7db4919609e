import time

import numpy as np
import pytest
import torch

from models import bench_gpu
from models.bench import difference, load_plain, take_turns, time_nets
from models.checkpoint import load_manifest
from models.inpaint.generator import window_of
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

    take_turns({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, rounds=2)

    assert order == ["a", "b"] * 4  # includes two rounds of warm-up


def test_a_call_has_wall_clock_and_processor_time_of_its_own():
    times = take_turns({"waits": lambda: time.sleep(0.02), "nothing": lambda: None}, rounds=3)

    assert times["nothing"].wall_ms < 19 < times["waits"].wall_ms
    assert times["waits"].cpu_ms < 10


def test_the_plain_generator_computes_all_of_the_face_and_gives_the_window(tiny_weights):
    plain = load_plain(load_manifest(tiny_weights)).generator
    grids = []
    plain.head.register_forward_pre_hook(lambda _, inputs: grids.append(inputs[0].shape[-2:]))
    face, hole = torch.rand(1, 3, 256, 256), torch.zeros(1, 1, 256, 256)
    hole[..., 96:160, 80:176] = 1
    rows, columns = window = window_of(hole[:, 0] > 0)

    with torch.inference_mode():
        whole, part = plain(face, hole, hole), plain(face, hole, hole, window)

    torch.testing.assert_close(part, whole[..., rows, columns])
    assert grids == [(128, 128)] * 2


def test_the_table_has_each_net_and_their_sum(tiny_weights, capsys):
    time_nets(load_plain(load_manifest(tiny_weights)), load_models(tiny_weights), rounds=1)

    rows = [line.split("|")[1].strip() for line in capsys.readouterr().out.splitlines()[2:]]
    assert rows == ["crop", "mask", "landmarks", "inpaint", "sum"]


def test_the_table_of_stages_has_each_of_them_at_each_batch(tiny_weights, capsys, monkeypatch):
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    photo = np.full((300, 200, 3), 128, np.uint8)

    bench_gpu.print_stages(load_models(tiny_weights), photo, [1, 2])

    rows = [line.split("|")[1:3] for line in capsys.readouterr().out.splitlines()[2:]]
    names = [(name.strip(), int(batch)) for name, batch in rows]
    assert names == [(s, b) for s in ("FaceCropper", "MaskDetector", "Inpainter") for b in (1, 2)]
