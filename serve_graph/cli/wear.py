"""`mask2face wear`: draws masks on the bare faces of a photo, with their exact pixels."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.errors import BadRequestError
from serve_graph.cli.errors import tell
from serve_graph.cli.files import read_photo, targets_of, write_photo
from serve_graph.cli.options import WEIGHTS, Device, Out, Weights, load_stages

if TYPE_CHECKING:
    from models.photo.decode import Photo
    from models.pipeline import Stages
    from models.pixels import Landmarks


def wear(
    photo: Annotated[Path, typer.Argument(exists=True, dir_okay=False, show_default=False)],
    out: Out,
    kind: Annotated[
        str | None, typer.Option(help="Kind of mask; a random one without it.", show_default=False)
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="The same seed draws the same masks.", show_default=False)
    ] = None,
    weights: Weights = WEIGHTS,
    device: Device = "cpu",
) -> None:
    """Draw a mask on each bare face; NAME_mask.png gets its exact pixels."""
    target = targets_of(photo, out)[photo]

    import numpy as np

    from models.training.evaluation.folder import write_mask
    from models.training.masks import KINDS, wear_mask

    if kind is not None and kind not in KINDS:
        raise typer.BadParameter(f"'{kind}' is none of {', '.join(KINDS)}.")
    picture = read_photo(photo)
    stages = load_stages(weights, device)
    rng = np.random.default_rng(seed)
    pixels, mask = picture.pixels, np.zeros(picture.pixels.shape[:2], np.bool_)
    for landmarks in asyncio.run(_bare_faces(picture, stages)):
        worn = wear_mask(pixels, landmarks, rng, kind, independent_outline=False)
        pixels, mask = worn.image, mask | worn.mask
    write_photo(target, pixels, picture.icc_profile)
    write_mask(target.with_name(f"{target.stem}_mask.png"), mask)


async def _bare_faces(photo: "Photo", stages: "Stages") -> "list[Landmarks]":
    """Landmarks (68, 2) of the faces without a mask, px of the photo."""
    import numpy as np

    from models.clock import Clock
    from models.crop.frame import invert, transform
    from models.pipeline import Options, find_masks

    bare = []
    for number, face in enumerate(await find_masks(photo, stages, Options(), Clock())):
        if face.finding.probability >= Options().min_probability:
            tell(f"face {number} wears a mask already: left alone")
            continue
        nothing = np.zeros(face.crop.shape[:2], np.bool_)
        landmarks = await stages.landmarks(face.crop, nothing)
        bare.append(transform(landmarks, invert(face.frame)))
    if not bare:
        raise BadRequestError("Every face wears a mask already: choose another photo.")
    return bare
