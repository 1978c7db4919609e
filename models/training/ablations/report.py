"""A table in Markdown with its spread over the seeds, plain words, and its picture sheet."""

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np

from models.pixels import Image
from models.training.ablations.plan import Table
from models.training.ablations.rows import Result
from models.training.ablations.score import LOWER_IS_BETTER

Runs = Mapping[str, Sequence[Result]]  # row -> a result for each seed
_MISLED = 0.05  # share of marks by which rows that are alike would be told apart
_DRAWS = 1_000_000  # hold `noise_range` to 0.2 %


def to_markdown(table: Table, runs: Runs, minutes: float) -> str:
    """The table with mean and spread over the seeds, and a sentence for each mark."""
    seeds = len(next(iter(runs.values())))
    marks = _marks(runs)
    head = ["row", "images", *marks]
    lines = [
        f"## {table.title}",
        "",
        f"Each row: {minutes:g} minutes from nothing; seeds: {seeds}; mean ± half of the range.",
        "",
        f"| {' | '.join(head)} |",
        "|" + " --- |" * len(head),
    ]
    for row, results in runs.items():
        images = f"{np.mean([result.images for result in results]):,.0f}"
        cells = [_cell(values[row]) for values in marks.values()]
        lines.append(f"| {' | '.join([row, images, *cells])} |")
    sentences = [f"- {name}: {in_words(values, _is_lower(name))}" for name, values in marks.items()]
    return "\n".join([*lines, "", *sentences, ""])


def in_words(values: Mapping[str, Sequence[float]], lower_is_better: bool = False) -> str:
    """Which row is best, and which rows chance alone could set apart from it.

    Args:
        values: row -> one value for each seed, as many for each row.
        lower_is_better: of these values.

    Two means differ by more than noise if it is more than the range that as many rows that are
    alike have in 95 of 100 cases (Tukey's range test; of two rows it is the t-test), the variance
    over the seeds being pooled over all rows.
    """
    sign = -1 if lower_is_better else 1
    means = {row: sign * float(np.mean(own)) for row, own in values.items()}
    best = max(means, key=means.__getitem__)
    count = len(values[best])
    if count < 2:
        return f"{best} is best; one seed tells nothing about the noise."
    variance = float(np.mean([np.var(own, ddof=1) for own in values.values()]))
    margin = noise_range(len(values), count) * np.sqrt(variance / count)
    others = [row for row in means if row != best]
    near = [row for row in others if means[best] - means[row] <= margin]
    far = [row for row in others if row not in near]
    words = [f"{best} is best"]
    if near:
        words.append(f"inside the noise of it: {', '.join(near)}")
    if far:
        words.append(f"worse: {', '.join(far)}")
    return "; ".join(words) + "."


@cache
def noise_range(rows: int, seeds: int) -> float:
    """How far the best mean of a row lies above the worst in 95 of 100 tables of rows that are
    alike, in standard errors of a mean that are estimated from all rows; from drawn tables.

    The studentized range of rows * (seeds - 1) degrees of freedom, after Tukey 1949,
    doi:10.2307/3001913.
    """
    rng = np.random.default_rng(0)
    freedom = rows * (seeds - 1)
    ranges = np.ptp(rng.standard_normal((_DRAWS, rows)), axis=1)
    errors = np.sqrt(rng.chisquare(freedom, _DRAWS) / freedom)
    return float(np.quantile(ranges / errors, 1 - _MISLED))


def to_sheet(runs: Runs) -> Image:
    """From above: what the nets got, the truth, and what each row made of it (first seed)."""
    strips = [results[0].strip for results in runs.values()]
    height = strips[0].shape[0] // 3
    return np.concatenate([strips[0][: 2 * height], *(s[2 * height :] for s in strips)])


def _marks(runs: Runs) -> dict[str, dict[str, list[float]]]:
    """Name of the mark -> row -> a value for each seed."""
    groups = next(iter(runs.values()))[0].marks
    return {
        f"{mark} ({group})" if len(groups) > 1 and group != "outlined" else mark: {
            row: [result.marks[group][mark] for result in results] for row, results in runs.items()
        }
        for group, own in groups.items()
        for mark in own
    }


def _is_lower(name: str) -> bool:
    return name.startswith(LOWER_IS_BETTER)


def _cell(values: Sequence[float]) -> str:
    digits = 2 if np.mean(values) >= 5 else 4
    return f"{np.mean(values):.{digits}f} ± {np.ptp(values) / 2:.{digits}f}"
