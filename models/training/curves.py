"""Draws a training's log: `python -m models.training.curves RUN/log.csv [...] -o OUT.svg`.

Several logs are consecutive parts of one training. Each loss has a panel, with that on held-out
faces (`val_...`) in the same one, and so has the throughput; x is the number of images seen.
"""

import argparse
import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

RATE = "images_per_s"
_NO_LOSSES = ("step", "step_s", "data_share", RATE)
_HELD_OUT = "val_"  # before the name of a loss
_PANEL = (2.6, 2.2)  # inches

Curve = tuple[list[int], list[float]]  # images seen, value


def read_curves(logs: Sequence[Path]) -> dict[str, Curve]:
    """The columns of the logs over the images seen since the start of the first.

    Raises:
        ValueError: a log has no rows, or lacks the columns of a training's log.
    """
    curves: dict[str, Curve] = {}
    seen = 0
    for log in logs:
        with log.open() as file:
            rows = list(csv.DictReader(file))
        if not rows:
            raise ValueError(f"{log} has no rows: nothing was trained, or the file was cut off.")
        missing = [name for name in ("step", "step_s", RATE) if name not in rows[0]]
        if missing:
            raise ValueError(f"{log} has no column {missing[0]}: give the log.csv of a run.")
        step = 0
        for row in rows:
            seen += (int(row["step"]) - step) * _images_per_step(row)
            step = int(row["step"])
            for name in (RATE, *(key for key in row if key not in _NO_LOSSES)):
                if row[name]:  # empty before a discriminator joins
                    images, values = curves.setdefault(name, ([], []))
                    images.append(seen)
                    values.append(float(row[name]))
    return curves


def _images_per_step(row: Mapping[str, str]) -> int:
    """Mean since the row before; rounded, as the log has few digits."""
    return round(float(row[RATE]) * float(row["step_s"]))


def draw_curves(curves: Mapping[str, Curve], out: Path) -> None:
    """Writes a picture with one panel per curve; the suffix of `out` sets the format.

    A curve `val_NAME` is drawn into the panel of NAME.
    """
    width, height = _PANEL
    beside = {_HELD_OUT + name for name in curves}
    titles = [name for name in curves if name not in beside]
    figure = Figure(figsize=(width * len(titles), height), layout="constrained")
    for index, name in enumerate(titles):
        panel = figure.add_subplot(1, len(titles), index + 1)
        for shown, marker in ((name, ""), (_HELD_OUT + name, ".")):
            if shown in curves:
                images, values = curves[shown]
                panel.plot([n / 1000 for n in images], values, marker=marker, label=shown)
        if _HELD_OUT + name in curves:
            panel.legend()
        panel.set_title(name)
        panel.set_xlabel("thousand images")
        panel.grid(alpha=0.3)
        if name == RATE:
            panel.set_ylim(bottom=0)
    figure.savefig(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("logs", type=Path, nargs="+")
    parser.add_argument("-o", "--out", type=Path, required=True)
    given = parser.parse_args()
    try:
        curves = read_curves(given.logs)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    given.out.parent.mkdir(parents=True, exist_ok=True)
    draw_curves(curves, given.out)


if __name__ == "__main__":
    main()
