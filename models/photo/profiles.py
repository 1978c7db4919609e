"""ICC profiles for photos that describe their colour space in another way.

HEIC files may use a few numbers (nclx, ITU-T H.273) instead of an ICC profile. The encoders of
answers take ICC profiles only.
"""

import struct
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from PIL import ImageCms

_P3_PRIMARIES = 12  # of H.273: SMPTE EG 432-1, Display P3's
# Transfer curves that are displayed like sRGB's; PQ and HLG (16, 18) are not.
_LIKE_SRGB = {1, 2, 6, 13}
# Colours of Display P3's red, green and blue, adapted to D50 as profiles require.
_COLORANTS = {
    b"rXYZ": (0.51512, 0.24120, -0.00105),
    b"gXYZ": (0.29198, 0.69225, 0.04189),
    b"bXYZ": (0.15710, 0.06657, 0.78407),
}
_CHROMATICITIES = (0.680, 0.320, 0.265, 0.690, 0.150, 0.060)  # the same as x and y


def profile_of_nclx(nclx: object) -> bytes | None:
    """The ICC profile for a HEIC's nclx as pillow-heif gives it; None unless it is Display P3."""
    if not isinstance(nclx, Mapping):
        return None
    numbers: Mapping[str, Any] = nclx
    is_p3 = numbers.get("color_primaries") == _P3_PRIMARIES
    return display_p3() if is_p3 and numbers.get("transfer_characteristics") in _LIKE_SRGB else None


@lru_cache
def display_p3() -> bytes:
    """Display P3: LittleCMS's sRGB profile with other primaries and another name."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    (count,) = struct.unpack_from(">I", profile, 128)
    for entry in range(count):
        tag, place, size = struct.unpack_from(">4sII", profile, 132 + 12 * entry)
        if tag in _COLORANTS:
            struct.pack_into(">3i", profile, place + 8, *_fixed(_COLORANTS[tag]))
        elif tag == b"chrm":
            struct.pack_into(">6i", profile, place + 12, *_fixed(_CHROMATICITIES))
        elif tag == b"desc":
            old, new = "sRGB built-in".encode("utf-16-be"), "Display P3   ".encode("utf-16-be")
            profile[place : place + size] = profile[place : place + size].replace(old, new)
    return bytes(profile)


def _fixed(values: tuple[float, ...]) -> list[int]:
    return [round(value * 65536) for value in values]
