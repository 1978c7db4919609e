from io import BytesIO

import numpy as np
import pytest
from PIL import Image as PilImage
from PIL import ImageCms

from models.errors import BadRequestError
from models.photo.decode import decode_photo
from models.photo.encode import SOURCE_TYPE, answer_format, encode_photo

FORMATS = ["jpeg", "png", "webp"]


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def encode(pixels, name="jpeg", quality=90, icc_profile=None, face_changed=False):
    return encode_photo(
        pixels, format=name, quality=quality, icc_profile=icc_profile, face_changed=face_changed
    )


def test_png_is_lossless():
    pixels = noise(40, 60, 3)

    np.testing.assert_array_equal(decode_photo(encode(pixels, "png")).pixels, pixels)


@pytest.mark.parametrize("name", FORMATS)
def test_the_format_is_the_one_asked_for(name):
    assert decode_photo(encode(noise(16, 16, 3), name)).format == name


@pytest.mark.parametrize("name", ["jpeg", "webp"])
def test_more_quality_is_nearer_to_the_pixels(name):
    pixels = noise(64, 64, 3)
    error = {
        quality: np.abs(decode_photo(encode(pixels, name, quality)).pixels - pixels.astype(int))
        for quality in (30, 95)
    }

    assert error[95].mean() < error[30].mean()


@pytest.mark.parametrize(("quality", "full_chroma"), [(90, False), (91, True)])
def test_jpeg_keeps_full_chroma_above_quality_90(quality, full_chroma):
    image = PilImage.open(BytesIO(encode(noise(32, 32, 3), "jpeg", quality)))

    sampling = {layer[1:3] for layer in image.layer}
    assert (sampling == {(1, 1)}) is full_chroma


@pytest.mark.parametrize("name", FORMATS)
def test_the_profile_goes_along(name):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    assert decode_photo(encode(noise(16, 16, 3), name, icc_profile=profile)).icc_profile == profile


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("face_changed", [True, False])
def test_only_a_changed_face_is_marked_as_ai_made(name, face_changed):
    data = encode(noise(16, 16, 3), name, face_changed=face_changed)

    packet = PilImage.open(BytesIO(data)).info.get("xmp", b"")
    assert (b'Iptc4xmpExt:DigitalSourceType="' + SOURCE_TYPE.encode() in packet) is face_changed
    assert (SOURCE_TYPE.encode() in data) is face_changed


@pytest.mark.parametrize("name", FORMATS)
def test_no_exif_comes_out(name):
    image = PilImage.open(BytesIO(encode(noise(16, 16, 3), name, face_changed=True)))

    assert not image.getexif()
    assert "exif" not in image.info


@pytest.mark.parametrize(
    ("name", "px", "others"),
    [("webp", 16_384, "jpeg or png"), ("webp", 65_501, "png"), ("jpeg", 65_501, "png")],
)
def test_a_side_that_the_format_cannot_hold_is_the_callers_to_mend(name, px, others):
    with pytest.raises(BadRequestError, match=f"ask for {others}\\."):
        encode(np.zeros((px, 1, 3), np.uint8), name)


@pytest.mark.parametrize(
    ("came_in", "answer"), [("jpeg", "jpeg"), ("png", "png"), ("webp", "webp"), ("heic", "jpeg")]
)
def test_the_answer_is_in_the_format_that_came_in(came_in, answer):
    assert answer_format(came_in) == answer
