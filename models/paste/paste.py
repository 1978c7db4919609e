"""Puts an edited face back into the photo, at the photo's own resolution."""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from models.crop.frame import compose, photo_rectangle, scale_affine, scale_of
from models.crop.neighbours import joined
from models.paste.grain import add_grain
from models.paste.tone import keep_tone
from models.pixels import Affine, Floats, Image, Mask

FEATHER_PX = 2  # of the frame: the blend runs from this far inside the hole to this far outside
SEAM_PX = 20.0  # of the frame: over this distance a tone step at the hole's edge fades inwards
_RING_PX = 2  # of the frame: width of the bands that are compared
_COARSE = 4
_SEAM_LEVELS = 20.0  # larger steps are outlines of things, not of the hole
_HAT_PX, _HAT_SHARE = 2, 0.5  # details that `sharpen` brings out: radius, of the frame; gain


def paste_face(
    photo: Image,
    patch: Image,
    hole: Mask,
    to_frame: Affine,
    sharpen: bool = False,
    beside: Mask | None = None,
) -> None:
    """Blends the masked part of an edited face into the photo, in place.

    Only pixels inside the hole and up to `FEATHER_PX` frame px around it change, one more where
    `beside` touches it. The cost depends on the size of the face, not of the photo.

    Args:
        photo: RGB, uint8 (H, W, 3); is changed.
        patch: the edited face in the canonical frame, uint8 (256, 256, 3) or any multiple of that
            size; outside hole and `beside` it equals the crop.
        hole: bool (256, 256), True = painted: take the patch here.
        to_frame: photo px to frame px.
        sharpen: bring out the patch's fine light and dark details.
        beside: bool (256, 256), True = also painted, but beyond the photo or pasted with other
            faces, see `masks_beside`: the patch doesn't fade towards it.
    """
    weight = _feather(hole) if beside is None else _feather_beside(hole, beside)
    box = photo_rectangle(weight > 0, to_frame, photo.shape[:2])
    if box is None:
        return
    left, top, right, bottom = box
    region = photo[top:bottom, left:right]
    smooth = even_seam(keep_tone(patch, joined(hole, beside)), hole)
    region_to_frame = compose(to_frame, np.array([[1, 0, left], [0, 1, top]], np.float32))
    to_patch = compose(scale_affine(patch.shape[0]), region_to_frame)
    fineness = patch.shape[0] / hole.shape[0]
    prepared = _antialias(_sharpen(smooth, fineness) if sharpen else smooth, to_patch)
    # If a hole leaves the frame, its edge is mixed with the patch's last px, not with black.
    face = _warp(prepared, to_patch, region.shape[:2], cv2.INTER_CUBIC, cv2.BORDER_REPLICATE)
    share = _warp(weight, region_to_frame, region.shape[:2], cv2.INTER_LINEAR, cv2.BORDER_CONSTANT)
    face = add_grain(face, photo, hole, to_frame, patch.shape[0])
    photo[top:bottom, left:right] = cv2.blendLinear(region, face, 1 - share, share)


def even_seam(patch: Image, hole: Mask) -> Image:
    """Removes the step in tone at the hole's edge from the patch.

    The local mean colours just inside and just outside the edge are compared; their difference is
    added to the patch, fading inwards (a cheap stand-in for Poisson blending, Perez 2003). Large
    differences are outlines of the face or its shadow and stay.

    Args:
        patch: uint8 (S, S, 3), or finer by a whole factor; equals the photo's crop outside the
            hole.
        hole: bool (S, S), True = painted.

    Returns:
        As `patch`, equal to it outside the hole.
    """
    if not hole.any():
        return patch
    if patch.shape[0] > hole.shape[0]:
        return _even_finer(patch, hole)
    rows, columns = _around(hole)
    part, within = patch[rows, columns], hole[rows, columns]
    inside = within.astype(np.uint8)
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, 3)
    height = cv2.distanceTransform(1 - inside, cv2.DIST_L2, 3)
    outer = _local_mean(part, (height > 0) & (height <= _RING_PX))
    inner = _local_mean(part, (depth > 0) & (depth <= _RING_PX))
    step = _small_steps(outer - inner)
    step = np.asarray(cv2.resize(step, within.shape[::-1], interpolation=cv2.INTER_LINEAR))
    evened = np.clip(part + step * np.exp(-depth / SEAM_PX)[..., None], 0, 255).round()
    result = patch.copy()
    result[rows, columns] = np.where(within[..., None], evened, part)
    return result


def _even_finer(patch: Image, hole: Mask) -> Image:
    """`even_seam` for a patch finer than its hole, computed at the hole's size."""
    small = np.asarray(cv2.resize(patch, hole.shape[::-1], interpolation=cv2.INTER_AREA), np.uint8)
    change = even_seam(small, hole).astype(np.float32) - small
    finer = cv2.resize(change, patch.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    inside = cv2.resize(hole.astype(np.uint8), patch.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    evened = np.clip(np.rint(patch + finer), 0, 255).astype(np.uint8)
    return np.where(inside[..., None] > 0, evened, patch)


def _around(hole: Mask) -> tuple[slice, slice]:
    """Rows and columns of the hole and the ring around it."""
    x, y, width, height = cv2.boundingRect(hole.astype(np.uint8))
    margin = _RING_PX + 1
    rows = slice(max(0, y - margin), y + height + margin)
    return rows, slice(max(0, x - margin), x + width + margin)


def _small_steps(step: Floats) -> Floats:
    size = np.abs(step).max(axis=2, keepdims=True)
    return np.asarray(step * np.exp(-np.square(size / _SEAM_LEVELS)), np.float32)


def _local_mean(pixels: Image, where: Mask) -> Floats:
    """Mean colour of the nearby pixels `where`, on a coarse grid; spreads over all of it."""
    weight = where.astype(np.float32)
    both = np.dstack([pixels * weight[..., None], weight])
    side = (-(-both.shape[1] // _COARSE), -(-both.shape[0] // _COARSE))
    coarse = cv2.resize(both, side, interpolation=cv2.INTER_AREA)
    coarse = cv2.GaussianBlur(coarse, (0, 0), SEAM_PX / 2 / _COARSE)
    return np.asarray(coarse[..., :3] / (coarse[..., 3:] + 1e-6), np.float32)


def _feather(hole: Mask) -> Floats:
    """Weight of the patch, 0..1, finite support."""
    side = FEATHER_PX + 1
    soft = cv2.blur(hole.astype(np.float32), (side, side), borderType=cv2.BORDER_CONSTANT)
    soft = cv2.blur(soft, (side, side), borderType=cv2.BORDER_CONSTANT)
    return np.where(soft > 1e-4, np.minimum(soft, 1), 0).astype(np.float32)


def _feather_beside(hole: Mask, beside: Mask) -> Floats:
    """As `_feather` of the hole, but full up to what lies beside it, and 1 px into that."""
    joint = joined(hole, beside)
    wide = np.asarray((cv2.dilate(hole.astype(np.uint8), np.ones((3, 3))) > 0) & joint, np.bool_)
    return np.where(wide, _feather(joint), _feather(wide))


def _sharpen(patch: Image, fineness: float) -> Image:
    """Morphological sharpening: light details become lighter, dark ones darker.

    Adds half the white top-hat and subtracts half the black one (Soille, Morphological Image
    Analysis, 2003, 4.6). At the same sharpness it keeps more true detail than an unsharp mask,
    and far more than toggle mapping (the nearer of erosion and dilation).
    """
    side = 2 * round(_HAT_PX * fineness) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    light = cv2.morphologyEx(patch, cv2.MORPH_TOPHAT, disc).astype(np.float32)
    dark = cv2.morphologyEx(patch, cv2.MORPH_BLACKHAT, disc)
    return np.clip(np.rint(patch + _HAT_SHARE * (light - dark)), 0, 255).astype(np.uint8)


def _antialias(patch: Image, to_patch: Affine) -> Image:
    """Removes detail that the photo's coarser grid can't hold."""
    sigma = 0.35 * (scale_of(to_patch) - 1)  # if the photo is much coarser: a third of its px
    return np.asarray(cv2.GaussianBlur(patch, (0, 0), sigma), np.uint8) if sigma > 0.1 else patch


def _warp(
    source: Image | Floats, to_source: Affine, shape: tuple[int, int], flags: int, border: int
) -> npt.NDArray[Any]:
    flags |= cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(source, to_source, shape[::-1], flags=flags, borderMode=border)
