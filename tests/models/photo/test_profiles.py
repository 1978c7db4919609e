from io import BytesIO

import numpy as np
import pillow_heif
import pytest
from PIL import Image as PilImage
from PIL import ImageCms

from models.errors import BadImageError
from models.photo.decode import decode_photo
from models.photo.profiles import display_p3, to_profile
from tests.models.photo.test_decode import all_green_profile, encode

# Linear Display P3 to linear sRGB; both have white point D65.
TO_SRGB = np.array([(1.2249, -0.2247, 0), (-0.0420, 1.0419, 0), (-0.0197, -0.0786, 1.0979)])


def heic(primaries, transfer):
    image = pillow_heif.from_pillow(PilImage.new("RGB", (64, 64), (180, 120, 90)))
    out = BytesIO()
    image.save(
        out,
        quality=-1,
        save_nclx_profile=True,
        color_primaries=primaries,
        transfer_characteristics=transfer,
        matrix_coefficients=6,
        full_range_flag=1,
    )
    return out.getvalue()


@pytest.mark.parametrize(
    ("primaries", "transfer", "profile"),
    [
        (12, 13, display_p3()),  # Display P3
        (12, 1, display_p3()),
        (1, 13, None),  # sRGB
        (12, 16, None),  # PQ: a different curve
    ],
)
def test_a_heic_that_names_display_p3_in_numbers_gets_its_profile(primaries, transfer, profile):
    assert decode_photo(heic(primaries, transfer)).icc_profile == profile


@pytest.mark.parametrize("colour", [(255, 255, 255), (128, 128, 128), (180, 140, 120)])
def test_the_profile_means_the_colours_of_display_p3(colour):
    profile = ImageCms.ImageCmsProfile(BytesIO(display_p3()))
    picture = PilImage.new("RGB", (1, 1), colour)

    seen = ImageCms.profileToProfile(picture, profile, ImageCms.createProfile("sRGB"))

    values = np.array(colour) / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    expected = 255 * (1.055 * (TO_SRGB @ linear) ** (1 / 2.4) - 0.055)
    assert np.abs(np.array(seen.getpixel((0, 0))) - expected).max() <= 1.5
    assert ImageCms.getProfileDescription(profile).strip() == "Display P3"


@pytest.mark.parametrize("broken", [b"", b"nonsense", display_p3()[:300]])
def test_a_profile_that_cannot_be_used_changes_no_colours(broken):
    pixels = np.full((4, 4, 3), (180, 140, 120), np.uint8)

    np.testing.assert_array_equal(to_profile(pixels, broken, None), pixels)


def test_colours_go_to_another_profile_and_back():
    pixels = np.full((4, 4, 3), (180, 140, 120), np.uint8)

    there = to_profile(pixels, None, display_p3())
    back = to_profile(there, display_p3(), None)

    assert np.abs(there.astype(int) - pixels).max() > 3
    assert np.abs(back.astype(int) - pixels).max() <= 1


def test_a_large_cmyk_profile_is_used():
    size = 1_829_077  # of ISO Coated v2
    image = PilImage.new("CMYK", (16, 16), (255, 0, 0, 0))
    profile = size.to_bytes(4) + all_green_profile()[4:].ljust(size - 4, b"\0")

    photo = decode_photo(encode(image, "jpeg", icc_profile=profile))

    red, green, blue = photo.pixels[0, 0].astype(int)
    assert green > max(red, blue) + 60


def test_a_png_whose_profile_is_larger_than_pillow_reads_is_refused_by_name():
    profile = display_p3() + bytes(1_100_000)

    with pytest.raises(
        BadImageError, match=r"colour profile .* larger than 1 MB: save it again, without it"
    ):
        decode_photo(encode(np.zeros((8, 8, 3), np.uint8), "png", icc_profile=profile))
