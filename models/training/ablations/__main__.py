"""`python -m models.training.ablations DATA --table NAME --minutes M --seeds 2`.

Trains each row of a table from scratch, prints the table, and writes table.md and sheet.jpg
to RUN/NAME. A row already finished, in any table, on the same faces, weights and outlined masks,
isn't trained again.
"""

import argparse
import math
from pathlib import Path

from models.errors import Mask2FaceError
from models.training.ablations.plan import Table, read_tables
from models.training.ablations.report import to_markdown, to_sheet
from models.training.ablations.rows import Places, Result, run_row
from models.training.pictures import write_image


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with the sources of faces")
    parser.add_argument("--table", required=True, help="name in the plan, or all")
    parser.add_argument(
        "--minutes", type=_minutes, default=10.0, help="budget of each row and seed"
    )
    parser.add_argument("--seeds", type=_seeds, default=2, help="how often each row is trained")
    parser.add_argument("--eval", type=Path, help="evaluation folder with real/ for real masks")
    parser.add_argument("--run", type=Path, default=Path("runs/ablations"))
    parser.add_argument("--plan", type=Path, default=Path("configs/train/ablations.yaml"))
    parser.add_argument("--weights", type=Path, default=Path("weights"))
    args = parser.parse_args()
    try:
        _run(args, parser)
    except (Mask2FaceError, OSError) as error:
        parser.exit(2, f"{error}\n")


def _run(args: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    tables = read_tables(args.plan)
    if args.table != "all" and args.table not in tables:
        parser.error(f"no table '{args.table}': choose all or one of {', '.join(tables)}")
    wanted = list(tables.values()) if args.table == "all" else [tables[args.table]]
    if args.eval is None and any(table.outlined for table in wanted):
        parser.error("--eval is needed: the table is tested on outlined real masks")
    places = Places(args.data, args.run, args.weights, args.eval)
    for table in wanted:
        print(run_table(table, args.minutes, args.seeds, places), flush=True)


def _minutes(text: str) -> float:
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"must be more than 0 and finite, not {text}")
    return value


def _seeds(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, not {text}")
    return value


def run_table(table: Table, minutes: float, seeds: int, places: Places) -> str:
    """Trains the unfinished rows, writes table.md and sheet.jpg, and returns the Markdown."""
    runs: dict[str, list[Result]] = {}
    for row in table.rows:
        for seed in range(seeds):
            print(f"{table.name}: {row}, seed {seed}", flush=True)
            runs.setdefault(row, []).append(run_row(table, row, seed, minutes, places))
    folder = places.run / table.name
    folder.mkdir(parents=True, exist_ok=True)
    text = to_markdown(table, runs, minutes)
    (folder / "table.md").write_text(text)
    write_image(folder / "sheet.jpg", to_sheet(runs))
    return text


if __name__ == "__main__":
    main()
