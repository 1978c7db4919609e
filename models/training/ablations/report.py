"""A Markdown table with its spread over the seeds, sentences about it, and its picture sheet."""

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np

from models.pixels import Image
from models.training.ablations.plan import Table
from models.training.ablations.rows import Result
from models.training.ablations.score import LOWER_IS_BETTER

Runs = Mapping[str, Sequence[Result]]  # row -> a result for each seed
_MISLED = 0.05  # share of marks that would tell equally good rows apart
_DRAWS = 1_000_000  # tables: hold `noise_range` to 0.2 %


def to_markdown(table: Table, runs: Runs, minutes: float) -> str:
    """The table with mean and spread over the seeds, and a sentence per mark."""
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
    """The best row, and the rows that differ from it by no more than chance.

    Args:
        values: row -> one value per seed, as many for each row.
        lower_is_better: for these values.

    Two means differ by more than noise if the difference exceeds the range within which 95 of 100
    sets of as many equally good rows stay (Tukey's range test; for two rows, the t-test). The
    variance over the seeds is pooled over all rows.
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
    """How far, at most, the best mean lies above the worst in 95 of 100 tables of equally good
    rows, in standard errors of a mean as estimated from all rows; simulated.

    The studentized range with rows * (seeds - 1) degrees of freedom, after Tukey 1949,
    doi:10.2307/3001913.
    """
    rng = np.random.default_rng(0)
    freedom = rows * (seeds - 1)
    ranges = np.ptp(rng.standard_normal((_DRAWS, rows)), axis=1)
    errors = np.sqrt(rng.chisquare(freedom, _DRAWS) / freedom)
    return float(np.quantile(ranges / errors, 1 - _MISLED))


def to_sheet(runs: Runs) -> Image:
    """From the top: the nets' input, the truth, and each row's result (first seed)."""
    strips = [results[0].strip for results in runs.values()]
    height = strips[0].shape[0] // 3
    return np.concatenate([strips[0][: 2 * height], *(s[2 * height :] for s in strips)])


def _marks(runs: Runs) -> dict[str, dict[str, list[float]]]:
    """Name of the mark -> row -> a value per seed."""
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
