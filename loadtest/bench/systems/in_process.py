"""The limit's worker: photos in memory to encoded bytes, no HTTP, no Ray.

    python -m loadtest.bench.systems.in_process FOLDER --net-threads 2 --at-once 1

Reads the photos of FOLDER/WORKLOAD/*.jpg and prints "ready". For each line "WORKLOAD SECONDS" on
stdin it works that long and prints a JSON line: photos, faces, the seconds they took, each latency,
and the seconds that the nets computed.
"""

import argparse
import itertools
import json
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from loadtest.bench.systems.engine import Engine, NetClock, Result, load


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--net-threads", type=int, default=1)
    parser.add_argument("--at-once", type=int, default=1)
    parser.add_argument("--nets", choices=("optimised", "eager"), default="optimised")
    arguments = parser.parse_args()
    models = load(arguments.nets, arguments.net_threads)
    engines, clock = [Engine(models) for _ in range(arguments.at_once)], NetClock(models)
    queues = {folder.name: _queues(folder, len(engines)) for folder in arguments.folder.iterdir()}
    for each in queues.values():
        for engine, photos in zip(engines, each, strict=True):
            engine.answer(next(photos))  # the first call of each size is slower
    print("ready", flush=True)
    for line in sys.stdin:
        workload, seconds = line.split()
        clock.seconds = 0.0
        done = work(engines, queues[workload], float(seconds))
        print(json.dumps(done | {"nets_s": clock.seconds}), flush=True)


def _queues(folder: Path, count: int) -> list[Iterator[bytes]]:
    """A folder's photos over and over, for each of `count` engines from another one on."""
    photos = [path.read_bytes() for path in sorted(folder.iterdir())]
    return [itertools.islice(itertools.cycle(photos), first, None) for first in range(count)]


def work(engines: list[Engine], queues: list[Iterator[bytes]], seconds: float) -> dict[str, Any]:
    """What engines do side by side until the time is up; each finishes its last photo.

    The next turn continues with the photo after that, or short turns would only ever see the first.

    Args:
        engines: each works in a thread of its own.
        queues: photos without an end, for each engine.
        seconds: how long they begin new photos.
    """
    done: list[tuple[Result, float]] = []  # results and their latencies
    start = time.perf_counter()

    def run(engine: Engine, photos: Iterator[bytes]) -> None:
        while (before := time.perf_counter()) - start < seconds:
            result = engine.answer(next(photos))
            done.append((result, time.perf_counter() - before))

    threads = [threading.Thread(target=run, args=one) for one in zip(engines, queues, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {
        "photos": len(done),
        "faces": sum(result.faces for result, _ in done),
        "seconds": time.perf_counter() - start,
        "latencies_s": [latency for _, latency in done],
    }


if __name__ == "__main__":
    main()
