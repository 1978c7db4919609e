"""Finds a mask that the photo's edge cuts off, all the way to that edge."""

from collections.abc import Awaitable, Callable

import numpy as np

from models.crop.edge import beyond_touched_edges, inside_photo
from models.mask.detect import MaskFinding
from models.pixels import Image, Mask, Points
from models.runner import Runner


async def find_to_edge(
    face: Image,
    corners: Points,
    find_mask: Callable[[Image], Awaitable[MaskFinding]],
    run: Runner,
) -> MaskFinding:
    """The mask of a face, searched for with and without the mirror image beyond the photo.

    A mask and its mirror image look like one long mask that ends somewhere around the chin. So if
    the mask reaches the photo's edge, a second search sees a flat colour beyond that edge, and
    both masks are joined.

    Args:
        face: canonical crop, uint8 (256, 256, 3).
        corners: of the photo, see `photo_corners`.
        find_mask: the mask stage.
        run: runs this process's own work.
    """
    found = await find_mask(face)
    flat = await run(_flattened, face, found.mask, corners)
    if flat is None:
        return found
    again = await find_mask(flat)
    return MaskFinding(found.mask | again.mask, found.probability)


def _flattened(face: Image, mask: Mask, corners: Points) -> Image | None:
    """The face with its mean colour beyond the edges that the mask reaches; None if none."""
    beyond = beyond_touched_edges(mask, corners)
    if not beyond.any():
        return None
    flat = face.copy()
    flat[beyond] = face[inside_photo(corners)].mean(axis=0).round().astype(np.uint8)
    return flat
