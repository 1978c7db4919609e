"""ICC profiles: pixels from one to another, and those of photos that describe theirs otherwise.

HEIC files may use a few numbers (nclx, ITU-T H.273) instead of an ICC profile, cameras EXIF, and
PNG files one number (gAMA). The encoders of answers take ICC profiles only.
"""

import struct
from collections.abc import Mapping
from functools import lru_cache
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image as PilImage
from PIL import ImageCms

from models.pixels import Image

_P3_PRIMARIES = 12  # of H.273: SMPTE EG 432-1, Display P3's
# Transfer curves that are displayed like sRGB's; PQ and HLG (16, 18) are not.
_LIKE_SRGB = {1, 2, 6, 13}
# Of red, green and blue: XYZ adapted to D50, as profiles require, and the same as x and y.
_P3 = (
    {
        b"rXYZ": (0.51512, 0.24120, -0.00105),
        b"gXYZ": (0.29198, 0.69225, 0.04189),
        b"bXYZ": (0.15710, 0.06657, 0.78407),
    },
    (0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
)
_SRGB_XY = (0.640, 0.330, 0.300, 0.600, 0.150, 0.060)
_ADOBE = (
    {
        b"rXYZ": (0.60974, 0.31111, 0.01947),
        b"gXYZ": (0.20528, 0.62567, 0.06087),
        b"bXYZ": (0.14919, 0.06322, 0.74457),
    },
    (0.640, 0.330, 0.210, 0.710, 0.150, 0.060),
)
_ADOBE_CURVE = (563 / 256, 1, 0, 0, 0)  # of a `para` tag: a plain power
_SRGB_GAMMA = 0.45455  # as PNG files state it: the power of its inverse, roughly


def profile_of_nclx(nclx: object) -> bytes | None:
    """The ICC profile for a HEIC's nclx as pillow-heif gives it; None unless it is Display P3."""
    if not isinstance(nclx, Mapping):
        return None
    numbers: Mapping[str, Any] = nclx
    is_p3 = numbers.get("color_primaries") == _P3_PRIMARIES
    return display_p3() if is_p3 and numbers.get("transfer_characteristics") in _LIKE_SRGB else None


def profile_of_gamma(gamma: object) -> bytes | None:
    """The ICC profile for a PNG's gAMA as Pillow gives it; None if it is sRGB's or senseless."""
    if not isinstance(gamma, float) or not 0.1 <= gamma <= 10:
        return None
    if abs(gamma / _SRGB_GAMMA - 1) < 0.05:
        return None
    return _like_srgb("PNG gamma", {}, _SRGB_XY, (1 / gamma, 1, 0, 0, 0))


@lru_cache
def display_p3() -> bytes:
    """The ICC profile of Display P3."""
    return _like_srgb("Display P3", *_P3)


@lru_cache
def adobe_rgb() -> bytes:
    """The ICC profile of Adobe RGB (1998)."""
    return _like_srgb("Adobe RGB", *_ADOBE, _ADOBE_CURVE)


def _like_srgb(
    name: str,
    colorants: Mapping[bytes, tuple[float, ...]],
    chromaticities: tuple[float, ...],
    curve: tuple[float, ...] | None = None,
) -> bytes:
    """LittleCMS's sRGB profile with other primaries, another name and perhaps another curve."""
    profile = bytearray(_srgb().tobytes())
    (count,) = struct.unpack_from(">I", profile, 128)
    for entry in range(count):
        tag, place, size = struct.unpack_from(">4sII", profile, 132 + 12 * entry)
        if tag in colorants:
            struct.pack_into(">3i", profile, place + 8, *_fixed(colorants[tag]))
        elif tag == b"chrm":
            struct.pack_into(">6i", profile, place + 12, *_fixed(chromaticities))
        elif tag == b"desc":
            old = "sRGB built-in"
            new = name.ljust(len(old)).encode("utf-16-be")
            content = profile[place : place + size]
            profile[place : place + size] = content.replace(old.encode("utf-16-be"), new)
        elif tag.endswith(b"TRC") and curve is not None:
            struct.pack_into(">5i", profile, place + 12, *_fixed(curve))
    return bytes(profile)


def to_profile(pixels: Image, own: bytes | None, wanted: bytes | None) -> Image:
    """The same colours in another profile's values.

    Args:
        pixels: RGB, uint8 (H, W, 3).
        own: ICC profile of an RGB space that they are in; None is sRGB.
        wanted: the same of the result.

    Returns:
        uint8 (H, W, 3); `pixels` if the profiles are equal or LittleCMS can't use one of them.
    """
    if own == wanted:
        return pixels
    converted = converted_to(PilImage.fromarray(pixels), own, wanted)
    return pixels if converted is None else np.array(converted, np.uint8)


def converted_to(
    image: PilImage.Image, own: bytes | None, wanted: bytes | None
) -> PilImage.Image | None:
    """A picture of any mode in RGB, as `to_profile`; None if LittleCMS can't use a profile."""
    try:
        return ImageCms.profileToProfile(image, _opened(own), _opened(wanted), outputMode="RGB")
    except ImageCms.PyCMSError:
        return None


def _opened(profile: bytes | None) -> ImageCms.ImageCmsProfile | BytesIO:
    return _srgb() if profile is None else BytesIO(profile)


def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def _fixed(values: tuple[float, ...]) -> list[int]:
    return [round(value * 65536) for value in values]
