"""`python -m models.training NET DATA --run RUN`: trains one net, resumes if RUN exists."""

import argparse
from pathlib import Path

import yaml

from models.errors import Mask2FaceError
from models.training.config import NETS, train


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m models.training", description=__doc__)
    parser.add_argument("net", choices=NETS)
    parser.add_argument("data", type=Path, help="folder with the sources of faces")
    parser.add_argument("--run", type=Path, help="folder of the run (default: runs/NET)")
    parser.add_argument("--config", type=Path, help="default: configs/train/NET.yaml")
    parser.add_argument("--weights", type=Path, default=Path("weights"))
    args = parser.parse_args()
    path = args.config or Path("configs/train") / f"{args.net}.yaml"
    run = args.run or Path("runs") / args.net
    try:
        train(args.net, yaml.safe_load(path.read_text()), args.data, run, args.weights)
    except (ValueError, yaml.YAMLError) as error:
        parser.error(f"{path}: {' '.join(str(error).split())}")
    except (Mask2FaceError, OSError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
