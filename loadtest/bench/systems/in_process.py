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
    photos = {
        folder.name: [path.read_bytes() for path in sorted(folder.iterdir())]
        for folder in arguments.folder.iterdir()
    }
    for engine, some in itertools.product(engines, photos.values()):
        engine.answer(some[0])  # the first call of each size is slower
    print("ready", flush=True)
    for line in sys.stdin:
        workload, seconds = line.split()
        clock.seconds = 0.0
        done = work(engines, photos[workload], float(seconds))
        print(json.dumps(done | {"nets_s": clock.seconds}), flush=True)


def work(engines: list[Engine], photos: list[bytes], seconds: float) -> dict[str, Any]:
    """What engines do side by side until the time is up; each finishes its last photo."""
    done: list[tuple[Result, float]] = []  # results and their latencies
    start = time.perf_counter()

    def run(engine: Engine, first: int) -> None:
        for photo in itertools.islice(itertools.cycle(photos), first, None):
            before = time.perf_counter()
            if before - start >= seconds:
                return
            result = engine.answer(photo)
            done.append((result, time.perf_counter() - before))

    threads = [
        threading.Thread(target=run, args=(engine, first)) for first, engine in enumerate(engines)
    ]
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
