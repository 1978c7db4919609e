"""How quickly a body is transferred."""

import asyncio

from serve_graph.api import transfers
from serve_graph.api.transfers import Transfer, slowest


async def test_the_speed_counts_all_chunks(monkeypatch):
    monkeypatch.setattr(transfers, "_TOO_EARLY_S", 0.1)
    in_pieces, in_one = Transfer(9), Transfer(9)
    for _ in range(4):
        in_pieces.moved(500)
    in_one.moved(1000)
    await asyncio.sleep(0.11)

    assert slowest([in_pieces, in_one]) is in_one
    assert 1000 < in_pieces.bytes_per_s <= 2000 / 0.1


async def test_of_those_too_young_to_judge_the_youngest_is_aborted_first():
    older = Transfer(9)
    await asyncio.sleep(0.01)
    younger = Transfer(9)

    assert slowest([older, younger]) is younger
