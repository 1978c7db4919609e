"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Source = Annotated[Path, typer.Argument(exists=True, metavar="PHOTO|FOLDER", show_default=False)]
Out = Annotated[Path, typer.Option("--out", "-o", help="Where to write.", show_default=False)]
Weights = Annotated[
    Path, typer.Option("--weights", help="Folder with the nets' files and manifest.json.")
]
Device = Annotated[str, typer.Option("--device", help="Where the nets run: cpu, cuda, cuda:1.")]

WEIGHTS = Path("weights")
DEVICE = "cpu"
