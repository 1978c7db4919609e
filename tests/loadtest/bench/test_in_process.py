import time

from loadtest.bench.systems.engine import Result
from loadtest.bench.systems.in_process import _queues, work


class Noting:
    """An engine that notes its photos, and takes a moment for each."""

    def __init__(self):
        self.seen = []

    def answer(self, photo):
        self.seen.append(photo)
        time.sleep(0.02)
        return Result(photo, "image/jpeg", 1)


def test_short_turns_see_all_photos_one_after_another(tmp_path):
    for name in ("a", "b", "c"):
        (tmp_path / name).write_text(name)
    engine, (_, queue) = Noting(), _queues(tmp_path, count=2)
    while len(engine.seen) < 4:
        work([engine], [queue], seconds=0.01)  # time for a single photo

    assert engine.seen[:4] == [b"b", b"c", b"a", b"b"]
