"""Grey PNGs of other depths than 8 bits: their transparency and their profile."""

import struct
import zlib

import numpy as np
import pytest
from PIL import ImageCms

from models.photo.decode import decode_photo
from models.photo.profiles import to_profile
from tests.models.photo.test_decode import grey_profile

GREY, GREY_ALPHA = 0, 4  # a PNG's colour types


def grey_png(depth, row, colour_type=GREY, **chunks):
    """A row of packed px, with further chunks."""

    def chunk(name, content):
        end = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + end

    samples = 2 if colour_type == GREY_ALPHA else 1
    width = 8 * len(row) // (samples * depth)
    parts = {
        b"IHDR": struct.pack(">IIBBBBB", width, 1, depth, colour_type, 0, 0, 0),
        **{name.encode(): content for name, content in chunks.items()},
        b"IDAT": zlib.compress(b"\0" + row),
        b"IEND": b"",
    }
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts.items())


@pytest.mark.parametrize(
    ("depth", "row", "key", "expected"),
    [
        (1, 0b01000000, 1, [0, 255, 0, 0, 0, 0, 0, 0]),
        (1, 0b01111111, 0, [255] * 8),
        (2, 0b00_01_10_11, 1, [0, 255, 170, 255]),
        (2, 0b00_01_10_11, 0, [255, 85, 170, 255]),
        (4, 0b0101_0110, 5, [255, 102]),
        (4, 0b0101_0110, 6, [85, 255]),
        (8, 0b0101_0110, 86, [255]),
    ],
)
def test_a_transparent_grey_of_any_depth_is_white(depth, row, key, expected):
    photo = decode_photo(grey_png(depth, bytes([row]), tRNS=struct.pack(">H", key)))

    assert photo.pixels[0, :, 0].tolist() == expected


@pytest.mark.parametrize(("depth", "most"), [(8, 255), (16, 65535)])
def test_grey_with_transparency_leaves_its_profile_for_srgb(depth, most):
    letter = "B" if depth == 8 else "H"
    row = struct.pack(f">4{letter}", most // 2 + 1, most, 0, 0)
    profile = b"grey\0\0" + zlib.compress(grey_profile(1.0))

    photo = decode_photo(grey_png(depth, row, GREY_ALPHA, iCCP=profile))

    assert photo.icc_profile is None
    assert np.abs(photo.pixels[0].astype(int) - [[188] * 3, [255] * 3]).max() <= 2


def grey_shown(**chunks):
    """How bright, in sRGB, a PNG's mid-grey is shown by a viewer that knows profiles."""
    photo = decode_photo(grey_png(8, bytes([128]), **chunks))
    return to_profile(photo.pixels, photo.icc_profile, None)[0, 0].tolist()


@pytest.mark.parametrize(
    ("gamma", "shown"),
    [(100_000, 188), (55_555, 146), (45_455, 128), (44_000, 128), (0, 128), (2**31 - 1, 128)],
)
def test_a_png_that_states_its_gamma_is_shown_by_it(gamma, shown):
    assert np.abs(np.subtract(grey_shown(gAMA=struct.pack(">I", gamma)), shown)).max() <= 2


def test_srgb_and_profiles_outdo_a_pngs_gamma():
    linear = struct.pack(">I", 100_000)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    assert grey_shown(sRGB=b"\0", gAMA=linear) == [128] * 3
    assert grey_shown(iCCP=b"s\0\0" + zlib.compress(srgb), gAMA=linear) == [128] * 3
