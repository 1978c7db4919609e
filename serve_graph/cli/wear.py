"""`mask2face wear`: draws masks on the bare faces of a photo and writes their exact pixels."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from models.choices import MAX_FACES
from models.errors import BadRequestError
from serve_graph.cli.errors import tell
from serve_graph.cli.files import check_written, read_photo, targets_of, write_photo
from serve_graph.cli.options import (
    MASK_KINDS,
    WEIGHTS,
    Device,
    Out,
    Weights,
    load_stages,
)


def wear(
    photo: Annotated[
        Path,
        typer.Argument(
            exists=True, dir_okay=False, help="A photo with bare faces.", show_default=False
        ),
    ],
    out: Out,
    kind: Annotated[
        str | None,
        typer.Option(
            help=f"Kind of mask: {MASK_KINDS}; default: a random one.", show_default=False
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="The same seed draws the same masks.", show_default="random"),
    ] = None,
    weights: Weights = WEIGHTS,
    device: Device = "cpu",
) -> None:
    """Draw a mask on each bare face; OUT_mask.png gets the exact pixels of the masks."""
    target = targets_of(photo, out)[photo]
    mask_path = target.with_name(f"{target.stem}_mask.png")
    check_written({photo: [target, mask_path]})

    import numpy as np

    from models.training.drawing import KINDS, wear_mask
    from models.training.photos import find_landmarks
    from models.training.pictures import write_mask

    if kind is not None and kind not in KINDS:
        raise typer.BadParameter(f"'{kind}' is none of {', '.join(KINDS)}.")
    picture = read_photo(photo)
    stages = load_stages(weights, device)
    rng = np.random.default_rng(seed)
    pixels, mask = picture.pixels, np.zeros(picture.pixels.shape[:2], np.bool_)
    bare = asyncio.run(find_landmarks(picture, stages))
    for number in bare.others:
        tell(f"face {number} wears a mask already: left alone")
    if bare.more:
        faces = "face was" if bare.more == 1 else "faces were"
        tell(f"{bare.more} more {faces} left bare: at most {MAX_FACES} are drawn on")
    if not bare.faces:
        raise BadRequestError("Every face wears a mask already: choose another photo.")
    for face in bare.faces:
        worn = wear_mask(pixels, face.in_photo, rng, kind, independent_outline=False)
        pixels, mask = worn.image, mask | worn.mask
    write_photo(target, pixels, picture.icc_profile)
    write_mask(mask_path, mask)
