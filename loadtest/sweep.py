"""`make sweep`: how a running service answers at rising rates of requests.

    python -m loadtest.sweep [--host http://localhost:8000] [--rates 2,4,8] [--seconds 15]

Open loop: requests come at random moments, from callers who don't know of each other. Users who
wait for their answers (`make load`) would slow down with the service and hide its queue. The rate
rises until the service no longer keeps its objectives; the last one before is what it can take.
Photos are those of the benchmark's workloads.
"""

import argparse
import asyncio
import itertools
import sys
from collections.abc import AsyncIterator, Iterator, Sequence

from loadtest.http_client import LostError
from loadtest.judge import RefusedError, WrongAnswerError
from loadtest.meter import Meter
from loadtest.objectives import FAILED, MAX_ERROR_RATE, MAX_P99_MS, WRONG_ANSWER
from loadtest.open_loop import Plan, Summary
from loadtest.results_file import show
from loadtest.workloads import MAIN, SCENES, Workload, draw

_FIRST, _STEP = 0.5, 1.4  # of what a lone client gets; between one rate and the next
_UNLOADED_S = 3.0
_HEAD = ("requests/s", "answered/s", "503", "lost or 5xx", "p50, ms", "p95, ms", "p99, ms")
_WIDTH = max(len(name) for name in _HEAD) + 2


async def sweep(
    meter: Meter, p50_ms: float, rates: Sequence[float], seconds: float
) -> AsyncIterator[tuple[float, Summary]]:
    """Measures one rate after the other.

    Args:
        meter: of a warm service.
        p50_ms: of a lone client.
        rates: requests/s; none: rising ones, until one is beyond the objectives.
        seconds: that each takes.

    Raises:
        WrongAnswerError: an answer is wrong.
    """
    for rate in rates or _rising(1000 * _FIRST / p50_ms):
        found = (await meter.trial(Plan(rate, seconds, seed=0), p50_ms)).summary
        yield rate, found
        if not rates and not keeps_objectives(found):
            return


def _rising(first: float) -> Iterator[float]:
    return (first * _STEP**number for number in itertools.count())


def keeps_objectives(found: Summary) -> bool:
    """Whether answers were fast enough, and few enough failed."""
    return found.p99_ms < MAX_P99_MS and found.failed_share <= MAX_ERROR_RATE


def row(rate: float, seconds: float, found: Summary) -> list[str]:
    """The cells of one rate, as in `_HEAD`."""
    counts = [str(found.refused), str(found.sent - found.right - found.refused)]
    times = [show(value, 0) for value in (found.p50_ms, found.p95_ms, found.p99_ms)]
    return [f"{rate:.1f}", f"{found.right / seconds:.1f}", *counts, *times]


async def run(url: str, workload: Workload, rates: Sequence[float], seconds: float) -> int:
    """Prints the table, and returns the exit code.

    Raises:
        WrongAnswerError: an answer is wrong.
        RefusedError: even a lone client isn't answered.
        LostError: nothing answers.
    """
    meter = await Meter.ready(url, workload)
    alone = await meter.unloaded(_UNLOADED_S)
    print(
        f"{workload.scene.name}; a lone client: p50 {alone.p50_ms:.0f}, p99 {alone.p99_ms:.0f} ms"
    )
    print("".join(name.rjust(_WIDTH) for name in _HEAD))
    best = 0.0
    async for rate, found in sweep(meter, alone.p50_ms, rates, seconds):
        print("".join(cell.rjust(_WIDTH) for cell in row(rate, seconds, found)), flush=True)
        best = max(best, rate) if keeps_objectives(found) else best
    bounds = f"p99 under {MAX_P99_MS / 1000:g} s, at most {MAX_ERROR_RATE:.1%} errors and 503s"
    print(f"Objectives: {bounds}. " + (f"Kept at {best:.1f} requests/s." if best else "Not kept."))
    return 0 if best else FAILED


def main() -> int:
    """Returns the exit code."""
    given = parse()
    try:
        return asyncio.run(run(given.host, draw([given.workload])[0], given.rates, given.seconds))
    except WrongAnswerError as error:
        print(f"Aborted: a wrong answer: {error}", file=sys.stderr)
        return WRONG_ANSWER
    except (RefusedError, LostError) as error:
        print(f"{given.host} can't be measured: {error}", file=sys.stderr)
        return FAILED


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m loadtest.sweep")
    parser.add_argument("--host", type=_host, default="http://localhost:8000")
    parser.add_argument("--rates", type=_rates, default=[], help="requests/s, such as 2,4,8")
    parser.add_argument("--seconds", type=_positive, default=15.0, help="at each rate")
    photos = ", ".join(f"{name}: {scene.name}" for name, scene in SCENES.items())
    parser.add_argument("--workload", choices=[*SCENES], default=MAIN, help=photos)
    return parser.parse_args()


def _host(text: str) -> str:
    if not text.startswith("http://"):
        raise argparse.ArgumentTypeError(f"{text} doesn't begin with http://")
    return text


def _rates(text: str) -> list[float]:
    return [_positive(part) for part in text.split(",")]


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} isn't more than 0")
    return value


if __name__ == "__main__":
    sys.exit(main())
