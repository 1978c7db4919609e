"""Finds the faces of a photo whichever way up it is; most photos need one full pass."""

from collections.abc import Awaitable, Callable

from models.crop.detect import Face
from models.crop.turns import (
    CLEARLY,
    TURN_BELOW,
    both_ways,
    is_upside_down,
    may_be_upside_down,
    turned,
    turned_back,
    worth,
)
from models.pixels import Image
from models.runner import Runner

Detect = Callable[[Image], Awaitable[list[Face]]]


async def find_any_way_up(
    thumb: Image, detect: Detect, run: Runner, turn_below: float = TURN_BELOW
) -> list[Face]:
    """The faces of a thumb, in its px, all from the one rotation that shows most.

    Args:
        thumb: uint8 (H, W, 3).
        detect: finds upright faces, best first.
        run: rotates the thumb in a thread.
        turn_below: if the best face scores less, all rotations are tried.

    Returns:
        Best first; the faces of the thumb as it came, unless another rotation is clearly better.
    """
    turns: tuple[int, ...] = (1, 2, 3)
    needed = CLEARLY
    found = await detect(thumb)
    if found and found[0].score >= turn_below:
        if not await _is_upside_down(thumb, found[0], detect, run):
            return found
        turns, needed = (2,), 1.0  # the second look has already said so
    best, least = found, needed * worth(found)
    for quarters in turns:
        faces = await detect(await run(turned, thumb, quarters))
        if worth(faces) > least:
            best = [turned_back(face, quarters, thumb.shape) for face in faces]
            least = worth(faces)
    return best


async def _is_upside_down(thumb: Image, face: Face, detect: Detect, run: Runner) -> bool:
    if not may_be_upside_down(face):
        return False
    return is_upside_down(await detect(await run(both_ways, thumb, face)))
