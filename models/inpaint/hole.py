"""Which pixels are painted: the found mask, and its rim as far as the picture shows one.

A mask net stops some px short of a real mask's soft edge, and the rest of it shows. Painting a wide
margin everywhere would discard good skin. So next to the mask, a pixel is painted if it looks
neither like what lies beyond it nor like the face's skin, and farther out if it looks like the
mask, or like a print along its upper edge.
"""

import cv2
import numpy as np

from models.crop.frame import face_oval
from models.pixels import Floats, Image, Mask

MARGIN_PX = 3  # always painted: on the edge itself, mask and skin mix
REST_PX = 10  # how far out pixels of the mask are searched for
# The rim is searched for on a grid of half the size; these are px of that grid.
_RIM = 2  # how far out pixels count that don't look like the skin beyond
_REST = REST_PX // 2  # how far out pixels count that look like the mask
_RING = 3  # width of the ring of skin that they are compared with
_BODY = 5  # width of the mask's border that gives its colour
_CELLS = np.ones((2, 2), np.uint8)  # a rim is at least this wide
_ODD = 12.0  # visible difference in CIELAB
_SPREADS = 1.5  # and this many times the variation within the ring
_APART = 18.0  # of mask and skin, in CIELAB: below, the mask's colour tells nothing
_LEAST_SKIN = 100
# A print that the mask's edge cuts: how much more colourful it is, in CIELAB, than skin and what
# lies beyond; how far the latter may be from skin; the columns without ears, hair and earrings.
_VIVID, _LIKE_SKIN = 20.0, 25.0
_MIDDLE = slice(26, 103)


def hole_of(mask: Mask, face: Image) -> Mask:
    """The pixels to paint for a found mask.

    Args:
        mask: bool (256, 256), True = found covered.
        face: canonical crop, uint8 (256, 256, 3) RGB, the masked face.

    Returns:
        bool (256, 256), True = paint here: `mask` grown by 3 px, and by up to 13 px where its rim
        shows.
    """
    if not mask.any():
        return mask
    size = (mask.shape[1] // 2, mask.shape[0] // 2)
    small = cv2.resize(face, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    covered = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) >= 0.5
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB).astype(np.float32)
    part = _around(np.asarray(covered))
    rim = np.zeros(covered.shape, np.uint8)
    above = _above(np.asarray(covered))
    rim[part] = _rim(covered[part], above[part], lab[part], _skin_colour(lab, np.asarray(covered)))
    grown = cv2.resize(rim, mask.shape[::-1], interpolation=cv2.INTER_NEAREST)
    return _dilated(mask | (grown > 0), MARGIN_PX)


def _skin_colour(lab: Floats, mask: Mask) -> Floats | None:
    """Of the forehead and cheeks in the canonical frame; None if they are hardly visible."""
    seen = lab[face_oval(mask.shape[0]) & ~_dilated(mask, _REST)]
    return np.median(seen, axis=0).astype(np.float32) if len(seen) >= _LEAST_SKIN else None


def _above(mask: Mask) -> Mask:
    """The cells right above the mask, in the middle of the face."""
    upwards = np.zeros((2 * _REST + 1, 3), np.uint8)
    upwards[_REST:] = 1
    above = np.zeros(mask.shape, np.bool_)
    above[:, _MIDDLE] = cv2.dilate(mask.astype(np.uint8), upwards)[:, _MIDDLE] > 0
    return above & ~mask


def _rim(mask: Mask, above: Mask, lab: Floats, skin_colour: Floats | None) -> Mask:
    near, far = _dilated(mask, _RIM), _dilated(mask, _REST)
    skin = _Surroundings(lab, _dilated(near, _RING) & ~near, sigma=3)
    farther = _Surroundings(lab, _dilated(far, _RING) & ~far, sigma=4)
    body = _Surroundings(lab, mask & ~_eroded(mask, _BODY), sigma=4)
    odd = skin.distance > np.maximum(_ODD, _SPREADS * skin.spread)
    apart = _length(body.mean - farther.mean) > _APART
    own = apart & (body.distance < farther.distance / 2) & (farther.distance > _ODD)
    flecks = np.zeros(mask.shape, np.bool_)
    if skin_colour is not None:  # what lies beyond may be a collar, and this a strip of neck
        from_face = _length(lab - skin_colour)
        odd, own = odd & (from_face > _ODD), own & (from_face > body.distance)
        flecks = above & _flecks(lab, farther, skin_colour)
    rim = (near & odd & skin.known) | (far & own & body.known & farther.known)
    return _touching(_opened((rim | flecks) & ~mask) | flecks | mask, mask)


class _Surroundings:
    """Colours of the pixels `where`, averaged near each place of the picture."""

    def __init__(self, lab: Floats, where: Mask, sigma: float) -> None:
        weight = where.astype(np.float32)
        weighed = np.dstack([lab * weight[..., None], weight])
        colours = cv2.GaussianBlur(weighed, (0, 0), sigma)
        squares = cv2.GaussianBlur(_square(lab) * weight, (0, 0), sigma)
        share = colours[..., 3] + 1e-6
        self.known: Mask = np.asarray(share > 1e-3)
        self.mean: Floats = np.asarray(colours[..., :3] / share[..., None])
        self.spread: Floats = np.sqrt(np.maximum(squares / share - _square(self.mean), 0))
        self.distance: Floats = _length(lab - self.mean)


def _flecks(lab: Floats, beyond: _Surroundings, skin_colour: Floats) -> Mask:
    """What is far more colourful than skin, where skin lies beyond; even single cells count."""
    skin = _length(beyond.mean - skin_colour) < _LIKE_SKIN
    bare = np.maximum(_chroma(beyond.mean), _chroma(skin_colour))
    return np.asarray(beyond.known & skin & (_chroma(lab) - bare > _VIVID), np.bool_)


def _chroma(lab: Floats) -> Floats:
    return np.asarray(np.hypot(lab[..., 1], lab[..., 2]), np.float32)


def _square(lab: Floats) -> Floats:
    return np.asarray(np.einsum("ijk,ijk->ij", lab, lab), np.float32)


def _length(lab: Floats) -> Floats:
    return np.sqrt(_square(lab))


def _around(mask: Mask) -> tuple[slice, slice]:
    """Rows and columns that the decision can depend on."""
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    margin = _REST + _RING + 1
    rows = slice(max(0, y - margin), y + height + margin)
    return rows, slice(max(0, x - margin), x + width + margin)


def _touching(pixels: Mask, mask: Mask) -> Mask:
    """The islands of `pixels` that contain a part of the mask."""
    count, labels = cv2.connectedComponents(pixels.astype(np.uint8))
    keep = np.zeros(count, np.bool_)
    keep[labels[mask]] = True
    return np.asarray(keep[labels] & pixels, np.bool_)


def _opened(rim: Mask) -> Mask:
    """Without single cells, which are grain."""
    # Dilated with the opposite anchor, or the even kernel shifts everything by one cell.
    eroded = cv2.erode(rim.astype(np.uint8), _CELLS)
    return np.asarray(cv2.dilate(eroded, _CELLS, anchor=(0, 0)) > 0, np.bool_)


def _dilated(mask: Mask, px: int) -> Mask:
    return np.asarray(cv2.dilate(mask.astype(np.uint8), _disc(px)) > 0, np.bool_)


def _eroded(mask: Mask, px: int) -> Mask:
    # Beyond the picture, the mask is taken to continue.
    return np.asarray(cv2.erode(mask.astype(np.uint8), _disc(px)) > 0, np.bool_)


def _disc(px: int) -> Image:
    side = 2 * px + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)
