"""How much memory decoding takes at its peak, in bytes per pixel."""

import struct
import zlib
from io import BytesIO

import pytest
from PIL import Image as PilImage

from tests.models.photo.test_header import chunk, decode_elsewhere

WIDTH, HEIGHT = 2400, 2000


def png(depth, colour_type, bytes_per_px):
    """All black, or all transparent."""
    rows = zlib.compress(bytes((1 + WIDTH * bytes_per_px) * HEIGHT))
    header = struct.pack(">2I5B", WIDTH, HEIGHT, depth, colour_type, 0, 0, 0)
    parts = {b"IHDR": header, b"IDAT": rows, b"IEND": b""}
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts.items())


def webp():
    out = BytesIO()
    PilImage.new("RGBA", (WIDTH, HEIGHT)).save(out, "WEBP", lossless=True, quality=0, method=0)
    return out.getvalue()


@pytest.mark.parametrize(
    ("encode", "most"),
    [
        (lambda: [png(8, 6, 4), png(16, 0, 2)], 9),  # RGBA: 4, and the 3 of the answer
        (lambda: [webp()], 20),  # libwebp holds two more frames
    ],
    ids=["png", "webp"],
)
def test_decoding_takes_little_more_than_the_pixels(encode, most):
    outcomes, grown = decode_elsewhere(*encode())

    assert set(outcomes) <= {"png", "webp"}
    assert grown / (WIDTH * HEIGHT) < most
