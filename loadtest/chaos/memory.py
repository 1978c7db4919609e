"""The memory of each process over time, and whether it grows."""

import contextlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np

from loadtest.chaos.processes import memory_mb, processes_of

# A leak continues: it shows as a rise from each part of the time to the next, none of them more
# than half of the total, as a jump would be. (By chance, noise rises so in one of the 720 orders of
# six medians.) It is also faster than this rate, which is 0.5 MB in a soak's quarter of an hour.
# The own memory of a process that unmasked photos strayed from its trend by 0.01 MB within minutes;
# PSS strayed by 0.3 MB and drifted by 40 MB/h without any leak.
PARTS, SLOW_MB_PER_H = 6, 2.0
# A rise of at least this is growth, whatever its course.
SMALL_MB, SMALL_SHARE = 5.0, 0.03
# Of a process that isn't ours it must also be faster than this: a raylet gains 12 to 20 MB/h
# without end, and so more than any fixed number of MB if the soak is long enough.
OTHERS_MB_PER_H = 30.0
_OURS = ("ray::ServeReplica", "mask2face")
_INTERPRETERS = ("python", "bash")


@dataclass
class Samples:
    """Samples of one process."""

    title: str
    at_s: list[float] = field(default_factory=list)
    own_mb: list[float] = field(default_factory=list)
    rss_mb: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Trend:
    """One process after the warm-up."""

    title: str
    pid: int
    samples: int
    first_mb: float  # own memory at the end of the warm-up, on the fitted line
    last_mb: float  # own memory at the end, on the fitted line
    rss_mb: float  # at the end
    slope_mb_per_h: float  # of own memory, by least squares
    medians_mb: list[float]  # own memory in each of `PARTS` equal parts of the time

    @property
    def is_flat(self) -> bool:
        """It neither grew much nor keeps growing."""
        return not self.grew_much and not self.goes_on

    @property
    def goes_on(self) -> bool:
        """It keeps growing: a steady rise from part to part, faster than `SLOW_MB_PER_H`."""
        rises = [after - before for before, after in pairwise(self.medians_mb)]
        is_steady = min(rises) > 0 and max(rises) <= sum(rises) / 2
        return is_steady and self.slope_mb_per_h > SLOW_MB_PER_H

    @property
    def grew_much(self) -> bool:
        """It grew by more than may be noise; if not ours, also faster than `OTHERS_MB_PER_H`."""
        is_much = self.last_mb - self.first_mb >= max(SMALL_MB, SMALL_SHARE * self.first_mb)
        return is_much and (self.is_ours or self.slope_mb_per_h > OTHERS_MB_PER_H)

    @property
    def is_ours(self) -> bool:
        """It runs our code; the others are Ray's processes and HAProxy."""
        return self.title.startswith(_OURS)


class Memory:
    """Samples of all processes of a session."""

    def __init__(self, session: int) -> None:
        self._session = session
        self._samples: dict[int, Samples] = defaultdict(lambda: Samples(""))

    def sample(self, at_s: float) -> None:
        """Takes one sample of each process."""
        for pid, title in processes_of(self._session).items():
            with contextlib.suppress(OSError):  # it ended
                own, rss = memory_mb(pid)
                one = self._samples[pid]
                one.title = one.title or short_title(title)
                one.at_s.append(at_s)
                one.own_mb.append(own)
                one.rss_mb.append(rss)

    def came_and_went(self, warm_up_s: float) -> list[str]:
        """Titles of the processes that began or ended after the warm-up."""
        end_s = self._end_s()
        spans = [(one.at_s[0], one.at_s[-1], one.title) for one in self._samples.values()]
        return sorted(
            title
            for first_s, last_s, title in spans
            if first_s > warm_up_s or warm_up_s < last_s < end_s
        )

    def trends(self, warm_up_s: float) -> list[Trend]:
        """Trends of the processes that were alive at the end, largest first."""
        end_s = self._end_s()
        found = [
            trend_of(pid, one, warm_up_s)
            for pid, one in self._samples.items()
            if one.at_s[-1] == end_s and sum(at >= warm_up_s for at in one.at_s) >= PARTS
        ]
        return sorted(found, key=lambda trend: -trend.last_mb)

    def _end_s(self) -> float:
        return max((one.at_s[-1] for one in self._samples.values()), default=0.0)


def trend_of(pid: int, samples: Samples, warm_up_s: float) -> Trend:
    """Fits a line to the samples after the warm-up, at least one for each part."""
    at_s, own_mb = _after(samples.at_s, samples.own_mb, warm_up_s)
    slope, start = np.polyfit(at_s, own_mb, 1)
    return Trend(
        title=samples.title,
        pid=pid,
        samples=len(at_s),
        first_mb=float(start + slope * at_s[0]),
        last_mb=float(start + slope * at_s[-1]),
        rss_mb=samples.rss_mb[-1],
        slope_mb_per_h=float(3600 * slope),
        medians_mb=[float(np.median(part)) for part in np.array_split(own_mb, PARTS)],
    )


def _after(
    at_s: Sequence[float], values: Sequence[float], warm_up_s: float
) -> tuple[list[float], list[float]]:
    kept = [(at, value) for at, value in zip(at_s, values, strict=True) if at >= warm_up_s]
    return [at for at, _ in kept], [value for _, value in kept]


def short_title(title: str) -> str:
    """A process's name without arguments and folders."""
    words = [word for word in title.split(" ") if word and not word.startswith("-")]
    if len(words) > 1 and Path(words[0]).name.startswith(_INTERPRETERS):
        words = words[1:]
    return Path(words[0]).name if words else "?"
