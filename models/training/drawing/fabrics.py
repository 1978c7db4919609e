"""The surface of a mask before the photo's light: its colours, folds and fittings."""

from dataclasses import dataclass

import cv2
import numpy as np

from models.training.drawing.fittings import add_clip, add_trim, add_valves
from models.training.drawing.folds import fold_cloth
from models.training.drawing.kinds import Kind
from models.training.drawing.prints import Colour, any_colour, make_mark, make_pattern, make_picture
from models.training.drawing.sheet import Colours, Field, Sheet


@dataclass(frozen=True)
class Fabric:
    colours: Colours  # (H, W, 3), 0..1, without light
    shade: Field  # (H, W), about 1
    rough: float  # how visible single threads are
    strap: Colour  # (3,)
    strap_shade: float


def make_fabric(
    kind: Kind, shape: str, sheet: Sheet, unit: float, rng: np.random.Generator
) -> Fabric:
    """Colours, prints and folds the cloth.

    Args:
        kind: colours and print to choose from.
        shape: family of the outline; it determines folds and seams.
        sheet: cloth coordinates of each pixel.
        unit: px from the bridge of the nose to the chin.
        rng: source of randomness.
    """
    ground = _ground(kind, rng)
    colours = _dye(kind, ground, sheet, unit, rng)
    shade = fold_cloth(sheet, shape, unit, rng)
    if rng.random() < kind.trim:
        add_trim(colours, sheet, ground, rng)
    if shape == "cup" and rng.random() < 0.4:
        add_clip(colours, shade, sheet, rng)
    if shape != "scarf" and rng.random() < kind.valve:
        add_valves(colours, shade, sheet, ground, rng)
    pale = rng.random() < 0.6
    strap = np.full(3, rng.uniform(0.82, 0.95), np.float32) if pale else ground
    return Fabric(colours, shade, rng.uniform(0.0, 0.012), strap, rng.uniform(0.75, 1.0))


def _ground(kind: Kind, rng: np.random.Generator) -> Colour:
    if not kind.colours:
        return any_colour(rng)
    base = np.array(kind.colours[int(rng.integers(len(kind.colours)))], np.float32) / 255
    tinted = base * (1 + rng.normal(0, 0.025, 3) + rng.normal(0, 0.04))
    return np.asarray(np.clip(tinted, 0.04, 0.98), np.float32)


def _dye(
    kind: Kind, ground: Colour, sheet: Sheet, unit: float, rng: np.random.Generator
) -> Colours:
    make = {"pattern": make_pattern, "picture": make_picture}.get(kind.printed)
    if make is None and rng.random() < kind.mark:
        make = make_mark
    if make is None:
        return np.full((*sheet.shape, 3), ground, np.float32)
    side = int(np.clip(unit * 1.7, 48, 900))
    tile = make(rng, side, ground)
    # The tile spans the cloth: `around` from -1 to 1, and 1.5 units down the face.
    x = (sheet.around + 1) * (side / 2)
    y = (sheet.drop + 0.55) * (side / 1.5)
    printed = cv2.remap(tile, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(printed, np.float32)
