"""`make sweep`: how a running service answers at rising rates of requests.

    python -m loadtest.sweep [--host http://localhost:8000] [--rates 2,4,8] [--seconds 15]
        [--workload W2 | --photos FOLDER] [--csv FILE]

Open loop: requests come at random moments, from callers who don't know of each other. Users who
wait for their answers (`make load`) would slow down with the service and hide its queue. The rate
rises until the service no longer keeps its objectives; the last one before is what it can take.
Photos are those of the benchmark's workloads, or one's own.
"""

import argparse
import asyncio
import csv
import itertools
import os
import re
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from loadtest.arguments import header
from loadtest.http_client import LostError
from loadtest.judge import RefusedError, WrongAnswerError
from loadtest.meter import Meter, Trial
from loadtest.objectives import FAILED, MAX_ERROR_RATE, MAX_P99_MS, WRONG_ANSWER
from loadtest.open_loop import Plan, Summary
from loadtest.own_photos import UnfitError, learn_photos
from loadtest.results_file import show
from loadtest.workloads import MAIN, SCENES, Workload, draw

_FIRST, _STEP = 0.5, 1.4  # of what a lone client gets; between one rate and the next
_UNLOADED_S = 3.0
_HEAD = ("requests/s", "answered/s", "503", "other errors", "p50, ms", "p95, ms", "p99, ms")
_WIDTH = max(len(name) for name in _HEAD) + 2


async def sweep(
    meter: Meter, p50_ms: float, rates: Sequence[float], seconds: float
) -> AsyncIterator[Trial]:
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
        trial = await meter.trial(Plan(rate, seconds, seed=0), p50_ms)
        yield trial
        if not rates and not keeps_objectives(trial.summary):
            return


def _rising(first: float) -> Iterator[float]:
    return (first * _STEP**number for number in itertools.count())


def keeps_objectives(found: Summary) -> bool:
    """Whether answers were fast enough, and few enough failed."""
    return found.p99_ms < MAX_P99_MS and found.failed_share <= MAX_ERROR_RATE


def row(trial: Trial) -> list[str]:
    """The cells of one rate, as in `_HEAD`."""
    found = trial.summary
    counts = [str(found.refused), str(found.sent - found.right - found.refused)]
    times = [show(value, 0) for value in (found.p50_ms, found.p95_ms, found.p99_ms)]
    return [f"{trial.rate:.1f}", f"{trial.answered:.1f}", *counts, *times]


async def run(given: argparse.Namespace) -> int:
    """Prints the table, and returns the exit code.

    Raises:
        WrongAnswerError: an answer is wrong.
        RefusedError: even a lone client isn't answered.
        UnfitError: photos can't be used.
        LostError: nothing answers.
    """
    workload = await workload_of(given)
    meter = await Meter.ready(given.host, workload)
    alone = await meter.unloaded(_UNLOADED_S)
    print(f"{workload.name}; a lone client: p50 {alone.p50_ms:.0f}, p99 {alone.p99_ms:.0f} ms")
    _show(_HEAD, given.csv)
    best = 0.0
    async for trial in sweep(meter, alone.p50_ms, given.rates, given.seconds):
        _show(row(trial), given.csv)
        best = max(best, trial.rate) if keeps_objectives(trial.summary) else best
    bounds = f"p99 under {MAX_P99_MS / 1000:g} s, at most {MAX_ERROR_RATE:.1%} errors and 503s"
    print(f"Objectives: {bounds}. " + (f"Kept at {best:.1f} requests/s." if best else "Not kept."))
    return 0 if best else FAILED


async def workload_of(given: argparse.Namespace) -> Workload:
    """The photos that the arguments name, for the service that they name."""
    if given.photos:
        return await learn_photos(given.photos, given.host, given.header)
    (drawn,) = draw([given.workload])
    return replace(drawn.sent_to(given.host, given.header), name=drawn.scene.name)


def _show(cells: Sequence[str], file: Path | None) -> None:
    print("".join(cell.rjust(_WIDTH) for cell in cells), flush=True)
    if file:
        with file.open("a", newline="") as out:
            csv.writer(out, lineterminator="\n").writerow(cells)


def main() -> int:
    """Returns the exit code."""
    given = parse()
    try:
        return asyncio.run(run(given))
    except WrongAnswerError as error:
        print(f"Aborted: a wrong answer: {error}", file=sys.stderr)
        return WRONG_ANSWER
    except UnfitError as error:
        print(f"These photos can't be sent:\n{error}", file=sys.stderr)
        return FAILED
    except (RefusedError, LostError) as error:
        print(f"{given.host} can't be measured: {error}", file=sys.stderr)
        return FAILED


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m loadtest.sweep")
    where = "http(s)://host[:port][/path]"
    parser.add_argument("--host", type=_host, default="http://localhost:8000", help=where)
    parser.add_argument(
        "--header",
        type=header,
        default=os.environ.get("HEADER", ""),
        help="such as 'Authorization: Bearer KEY'; default: $HEADER, which ps doesn't show",
    )
    parser.add_argument("--rates", type=_rates, default=[], help="requests/s, such as 2,4,8")
    parser.add_argument("--seconds", type=_positive, default=15.0, help="at each rate")
    photos = parser.add_mutually_exclusive_group()
    drawn = ", ".join(f"{name}: {scene.name}" for name, scene in SCENES.items())
    photos.add_argument("--workload", choices=[*SCENES], default=MAIN, help=drawn)
    photos.add_argument("--photos", type=_folder, metavar="FOLDER", help="your own")
    parser.add_argument("--csv", type=_new_file, metavar="FILE", help="gets the table, too")
    return parser.parse_args()


def _host(text: str) -> str:
    if not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", text):
        raise argparse.ArgumentTypeError("not http(s)://host[:port][/path]")
    return text


def _folder(text: str) -> Path:
    if not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"{text} is no folder")
    return Path(text)


def _new_file(text: str) -> Path:
    """An empty file: one that can't be written shows before the load."""
    try:
        Path(text).write_text("")
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{text}: {error.strerror}") from None
    return Path(text)


def _rates(text: str) -> list[float]:
    return [_positive(part) for part in text.split(",")]


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} isn't more than 0")
    return value


if __name__ == "__main__":
    sys.exit(main())
