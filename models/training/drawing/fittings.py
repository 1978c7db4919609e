"""What is fixed to the cloth: breathing valves, a metal nose clip, an edge of another colour."""

import numpy as np

from models.training.drawing.prints import Colour, other_colour
from models.training.drawing.sheet import Colours, Field, Sheet, in_colour

_EDGE = 0.012  # local units over which a fitting's border fades


def add_valves(
    colours: Colours, shade: Field, sheet: Sheet, ground: Colour, rng: np.random.Generator
) -> None:
    """Adds one valve near the middle or one on each side; changes colours and shade in place."""
    radius, power = rng.uniform(0.07, 0.14), rng.choice([2.0, 2.0, 5.0])
    level, pair = rng.uniform(-0.02, 0.28), rng.random() < 0.3
    centres = [-0.4, 0.4] if pair else [float(rng.choice([0.0, rng.uniform(-0.5, 0.5)]))]
    plastic = _plastic(ground, rng)
    slots, turn = rng.uniform(40, 140), rng.uniform(0, np.pi)
    for centre in centres:
        box = _box(sheet, centre, level, 1.4 * radius)
        x = (sheet.across[box] - np.float32(centre)) * np.float32(sheet.half_width)
        y = sheet.drop[box] - np.float32(level)
        away = (np.abs(x) ** power + np.abs(y) ** power) ** (1 / power) / radius
        body = np.clip((1 - away) * radius / _EDGE, 0, 1).astype(np.float32)
        grille = np.sin((x * np.cos(turn) + y * np.sin(turn)) * slots) * (away < 0.7)
        relief = 1 + 0.12 * grille - 0.3 * np.exp(-(((away - 0.75) / 0.06) ** 2))
        relief += 0.25 * (x + y) / radius * (away > 0.8) * -1  # a bevelled rim, lit from above
        colours[box] += body[..., None] * (plastic - colours[box])
        shade[box] *= 1 + body * (relief.astype(np.float32) - 1)
        # The valve stands off the cloth: a dark line around it.
        shade[box] *= 1 - 0.3 * np.exp(-(((away - 1.05) / 0.08) ** 2)) * (1 - body)


def add_clip(colours: Colours, shade: Field, sheet: Sheet, rng: np.random.Generator) -> None:
    """Adds a metal strip over the nose; changes colours and shade in place."""
    reach, top, thick = rng.uniform(0.25, 0.5), rng.uniform(0.03, 0.12), rng.uniform(0.03, 0.06)
    along = np.clip((reach - np.abs(sheet.across)) / 0.05, 0, 1)
    off = (sheet.edge - (top + thick / 2)) / (thick / 2)
    body = along * np.clip((1 - np.abs(off)) * 4, 0, 1) * (sheet.down < 0.35)
    metal = np.full(3, rng.uniform(0.45, 0.85), np.float32)
    colours += in_colour(body.astype(np.float32)) * (metal - colours)
    shade *= 1 - 0.2 * body * off


def add_trim(colours: Colours, sheet: Sheet, ground: Colour, rng: np.random.Generator) -> None:
    """Adds a border along the outline in another colour; changes colours in place."""
    border = np.clip((rng.uniform(0.02, 0.07) - sheet.edge) / _EDGE, 0, 1).astype(np.float32)
    colours += in_colour(border) * (other_colour(rng, ground) - colours)


def _box(sheet: Sheet, across: float, drop: float, reach: float) -> tuple[slice, slice]:
    """Rows and columns of a square around a place on the cloth."""
    near = np.abs(sheet.across - np.float32(across)) < reach / sheet.half_width
    near &= np.abs(sheet.drop - np.float32(drop)) < reach
    rows, columns = np.flatnonzero(near.any(axis=1)), np.flatnonzero(near.any(axis=0))
    if not len(rows):
        return slice(0, 0), slice(0, 0)
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _plastic(ground: Colour, rng: np.random.Generator) -> Colour:
    if rng.random() < 0.4:
        return ground
    if rng.random() < 0.25:
        return other_colour(rng, ground)
    return np.full(3, rng.choice([0.12, 0.3, 0.8, 0.9]), np.float32)
