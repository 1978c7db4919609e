"""`mask2face train` and `mask2face evaluate`: train the nets, score the service."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.progress import track

from models.choices import DeviceName
from serve_graph import PROJECT
from serve_graph.cli.options import WEIGHTS, Device, Weights, check_device

T = TypeVar("T")


def train(
    net: Annotated[str, typer.Argument(help="crop, mask, landmarks, inpaint or judge.")],
    data: Annotated[
        Path,
        typer.Argument(
            exists=True,
            file_okay=False,
            help="Folder with a folder or zip for each source; see docs/training.md.",
            show_default=False,
        ),
    ],
    run: Annotated[
        Path | None, typer.Option(help="Output folder of the run.", show_default="runs/NET")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(exists=True, help="Training recipe.", show_default="configs/train/NET.yaml"),
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="A value instead of the recipe's, such as schedule.steps=100; repeatable.",
            show_default=False,
        ),
    ] = None,
    weights: Weights = WEIGHTS,
    device: Annotated[
        DeviceName | None, typer.Option(help="Where to train.", show_default="as in the recipe")
    ] = None,
) -> None:
    """Train a net on a folder of faces, or resume its run where it stopped."""
    overrides = overrides or []
    if device:
        check_device(device)
        overrides = [*overrides, f"device={device}"]

    from models.training.recipe import TRAINED
    from models.training.settings import ConfigError
    from models.training.train import train_by

    if net not in TRAINED:
        raise typer.BadParameter(f"'{net}' is none of {', '.join(TRAINED)}.")
    recipe = config or PROJECT / "configs" / "train" / f"{net}.yaml"
    try:
        train_by(recipe, net, data, run or Path("runs") / net, weights, overrides)
    except ConfigError as error:
        raise typer.BadParameter(str(error)) from error


def evaluate(
    folder: Annotated[
        Path,
        typer.Argument(
            exists=True,
            file_okay=False,
            help="Pictures to score; `synth` makes such a folder.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="Folder for report and sheets.", show_default=False),
    ],
    scenes: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            metavar="FOLDER|ZIP",
            help="Photos and boxes.json, to score the face detector too.",
            show_default=False,
        ),
    ] = None,
    held_back: Annotated[
        bool,
        typer.Option(
            "--held-back/--all-scenes", help="Score only the fifth of SCENES left out of training."
        ),
    ] = True,
    verdicts: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="The strays.csv of an earlier run, completed: which unlabelled boxes are faces.",
            show_default=False,
        ),
    ] = None,
    judge: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="The net that looks for remains of masks.",
            show_default="judge.safetensors of the weights, if present",
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Use at most this many pictures.", show_default=False)
    ] = None,
    baselines: Annotated[
        bool,
        typer.Option(help="Also score trivial baselines (classical inpainting, mean face)."),
    ] = True,
    weights: Weights = WEIGHTS,
    device: Device = "cpu",
) -> None:
    """Score the service on a folder of pictures with known ground truth.

    FOLDER holds truth/, masked/, mask/ and index.csv (id, source, mask_kind); optionally
    landmarks.npz, real/ (photo/, mask/) and swap/ (with reference/).
    """
    if verdicts and scenes is None:
        raise typer.BadParameter("--verdicts needs --scenes.")
    check_device(device)

    from models.training.evaluation.folder import would_overwrite

    if would_overwrite(out, folder):
        raise typer.BadParameter(
            f"{out} would write over the pictures of {folder}: choose another folder for --out."
        )

    from models.training.evaluation.evaluate import Scenes
    from models.training.evaluation.evaluate import evaluate as score
    from models.training.evaluation.write import write_report

    evaluation = score(
        folder,
        weights,
        out,
        progress=_bar,
        limit=limit,
        baselines=baselines,
        scenes=Scenes(scenes, held_back, verdicts) if scenes else None,
        judge=judge or _pinned_judge(weights),
        device=device,
    )
    typer.echo(write_report(evaluation, out))
    typer.echo(f"{out / 'report.md'} has the same text; see the sheets beside it.")


def _pinned_judge(weights: Path) -> Path | None:
    path = weights / "judge.safetensors"
    return path if path.is_file() else None


def _bar(items: Sequence[T], title: str) -> Iterable[T]:
    return track(items, title, console=Console(stderr=True))
