"""The kinds of masks: the shapes, colours and surfaces that each can have."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Kind:
    shapes: tuple[tuple[str, float], ...]  # shape and its weight
    colours: tuple[tuple[int, int, int], ...]  # RGB to start from; empty: any hue
    printed: str = ""  # "" plain, "pattern" repeats, "picture" one motif
    bands: float = 0.0  # share with head bands instead of ear loops
    valve: float = 0.0  # share with breathing valves
    mark: float = 0.0  # share of plain ones with a small logo or word
    trim: float = 0.0  # share with an edge of another colour


_PLEATED = (("pleated", 1.0),)
_CLOTH = (("contour", 0.5), ("pleated", 0.28), ("boat", 0.1), ("scarf", 0.12))
_WHITES = ((238, 240, 242), (228, 232, 236), (245, 243, 238))
_SKINS = ((236, 204, 180), (222, 180, 150), (198, 150, 120), (160, 112, 84), (112, 76, 56))

_KINDS: dict[str, Kind] = {
    "surgical_blue": Kind(
        _PLEATED, ((165, 205, 228), (135, 186, 222), (188, 218, 234), (150, 205, 222))
    ),
    "surgical_white": Kind(_PLEATED, _WHITES),
    "surgical_green": Kind(_PLEATED, ((150, 205, 190), (120, 190, 165), (165, 215, 185))),
    "surgical_black": Kind(_PLEATED, ((38, 38, 42), (52, 52, 56), (28, 28, 30), (70, 70, 76))),
    "kf94": Kind((("boat", 1.0),), (*_WHITES, (40, 40, 44), (200, 205, 212)), valve=0.15, mark=0.1),
    "n95_cup": Kind(
        (("cup", 0.85), ("boat", 0.15)),
        (*_WHITES, (232, 226, 205), (205, 215, 220), (60, 64, 70), (60, 100, 170)),
        bands=0.75,
        valve=0.5,
        mark=0.12,
    ),
    "cloth_plain": Kind(_CLOTH, (), valve=0.1, mark=0.12, trim=0.15),
    "cloth_patterned": Kind(_CLOTH, (), printed="pattern", valve=0.05, trim=0.2),
    "printed": Kind((*_CLOTH, ("boat", 0.2)), (), printed="picture", valve=0.05, trim=0.15),
    "nude": Kind((*_CLOTH, ("pleated", 0.4), ("boat", 0.3)), _SKINS, valve=0.15, mark=0.1),
}

KINDS: tuple[str, ...] = tuple(_KINDS)


def pick_kind(name: str | None, rng: np.random.Generator) -> Kind:
    """The named kind, or a random one for None.

    Raises:
        ValueError: there is no such kind.
    """
    if name is None:
        name = KINDS[int(rng.integers(len(KINDS)))]
    if name not in _KINDS:
        raise ValueError(f"no mask kind {name!r}: choose one of {', '.join(KINDS)}")
    return _KINDS[name]


def pick_shape(kind: Kind, rng: np.random.Generator) -> str:
    """One of the kind's shapes, by their weights."""
    names, shares = zip(*kind.shapes, strict=True)
    return str(names[int(np.searchsorted(np.cumsum(shares), rng.random() * sum(shares)))])
