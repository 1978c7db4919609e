"""Photos whose EXIF alone says that they are in Adobe RGB."""

import struct
from io import BytesIO

import numpy as np
import pytest
from PIL import Image as PilImage
from PIL import ImageCms

from models.photo.decode import decode_photo
from models.photo.profiles import adobe_rgb, display_p3, to_profile
from tests.models.photo.test_decode import encode, oriented, quadrants

UNCALIBRATED, SRGB = 0xFFFF, 1
# Linear Adobe RGB to linear sRGB; both have white point D65.
TO_SRGB = np.array([(1.39836, -0.39836, 0), (0, 1, 0), (0, -0.04293, 1.04293)])


def camera_exif(space, index, order=">"):
    """IFD 0, the Exif IFD and the interoperability IFD, one after the other."""
    entry = order + "HHI4s"

    def long(value):
        return struct.pack(order + "I", value)

    def ifd(*entries):
        return struct.pack(order + "H", len(entries)) + b"".join(entries) + long(0)

    start = 8
    exif_at = start + 2 + 12 + 4
    interop_at = exif_at + 2 + 2 * 12 + 4
    head = (b"II*\0" if order == "<" else b"MM\0*") + long(start)
    space_value = struct.pack(order + "HH", space, 0)
    return (
        b"Exif\0\0"
        + head
        + ifd(struct.pack(entry, 0x8769, 4, 1, long(exif_at)))
        + ifd(
            struct.pack(entry, 0xA001, 3, 1, space_value),
            struct.pack(entry, 0xA005, 4, 1, long(interop_at)),
        )
        + ifd(struct.pack(entry, 0x0001, 2, 4, index))
    )


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("name", ["jpeg", "webp", "png"])
def test_a_photo_that_names_adobe_rgb_in_its_exif_gets_its_profile(name, order):
    exif = camera_exif(UNCALIBRATED, b"R03\0", order)

    photo = decode_photo(encode(quadrants(), name, exif=exif))

    assert photo.icc_profile == adobe_rgb()
    np.testing.assert_array_equal(photo.pixels, decode_photo(encode(quadrants(), name)).pixels)


@pytest.mark.parametrize(
    "exif",
    [
        camera_exif(SRGB, b"R03\0"),
        camera_exif(UNCALIBRATED, b"R98\0"),
        camera_exif(UNCALIBRATED, b"R03\0")[:-14],
        camera_exif(UNCALIBRATED, b"R03\0")[:40],
        oriented(1),
    ],
)
def test_other_exif_names_no_profile(exif):
    assert decode_photo(encode(quadrants(), "webp", exif=exif)).icc_profile is None


def test_a_profile_counts_more_than_exif():
    exif = camera_exif(UNCALIBRATED, b"R03\0")

    photo = decode_photo(encode(quadrants(), "jpeg", exif=exif, icc_profile=display_p3()))

    assert photo.icc_profile == display_p3()


@pytest.mark.parametrize("colour", [(255, 255, 255), (128, 128, 128), (160, 140, 120)])
def test_the_profile_means_the_colours_of_adobe_rgb(colour):
    seen = to_profile(np.full((1, 1, 3), colour, np.uint8), adobe_rgb(), None)[0, 0]

    linear = TO_SRGB @ (np.array(colour) / 255) ** (563 / 256)
    expected = 255 * (1.055 * linear ** (1 / 2.4) - 0.055)
    assert np.abs(seen - expected).max() <= 1.5
    profile = ImageCms.ImageCmsProfile(BytesIO(adobe_rgb()))
    assert ImageCms.getProfileDescription(profile).strip() == "Adobe RGB"


def test_cmyk_is_in_no_rgb_space():
    image = PilImage.fromarray(quadrants()).convert("CMYK")

    photo = decode_photo(encode(image, "jpeg", exif=camera_exif(UNCALIBRATED, b"R03\0")))

    assert photo.icc_profile is None
