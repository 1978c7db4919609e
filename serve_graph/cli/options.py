"""Arguments and options that several commands share."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.choices import Blend, DeviceName, Warp
from serve_graph import PROJECT

if TYPE_CHECKING:
    from models.stages import LocalStages

Source = Annotated[
    Path,
    typer.Argument(
        exists=True,
        metavar="PHOTO|FOLDER",
        help="A photo, or a folder of photos.",
        show_default=False,
    ),
]
Out = Annotated[
    Path,
    typer.Option("--out", "-o", help="Output folder, or a file for one photo.", show_default=False),
]
WEIGHTS = PROJECT / "weights"
FAN_WEIGHTS = WEIGHTS / "fan"


def check_is_clone() -> None:
    """Raises typer.BadParameter if this is only the package, without weights/ and configs/."""
    if not WEIGHTS.is_dir():
        raise typer.BadParameter(
            "the installed package has no weights and no configs: install a clone of the "
            "repository instead, with `pip install -e .`."
        )


def _check_is_there(weights: Path) -> Path:
    if weights == WEIGHTS:
        check_is_clone()
    return weights


Weights = Annotated[
    Path,
    typer.Option(
        "--weights",
        help="Folder with the nets and manifest.json.",
        show_default="weights",
        callback=_check_is_there,
    ),
]
Device = Annotated[DeviceName, typer.Option("--device", help="Where the nets run.")]

MaxFaces = Annotated[
    int,
    typer.Option(
        "--max-faces",
        min=1,
        help="Most faces per photo, best first; the others are left as they are.",
    ),
]

# The same as in models.training.drawing, which is too slow to import for a help text.
MASK_KINDS = (
    "surgical_blue, surgical_white, surgical_green, surgical_black, kf94, n95_cup, cloth_plain, "
    "cloth_patterned, printed or nude"
)


def check_device(device: DeviceName) -> None:
    """Raises typer.BadParameter if this machine doesn't have the device."""
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise typer.BadParameter("torch sees no GPU here: use --device cpu.")


def load_stages(
    weights: Path,
    device: DeviceName,
    fan_weights: Path | None = None,
    warp: Warp = "mesh",
    blend: Blend = "feather",
) -> "LocalStages":
    """Loads all stages into this process.

    Raises:
        typer.BadParameter: this machine doesn't have the device.
        WeightsError, MissingPackageError: see `load_models`.
    """
    from models.stages import LocalStages, load_models

    check_device(device)
    return LocalStages(load_models(weights, device, fan_weights), warp=warp, blend=blend)


def left_out(more: int) -> str | None:
    """A note on the faces beyond --max-faces, if there are any."""
    if more < 2:
        return "1 more face was left as it is (--max-faces)" if more else None
    return f"{more} more faces were left as they are (--max-faces)"
