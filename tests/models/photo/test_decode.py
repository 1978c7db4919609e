import struct
import zlib
from contextlib import suppress
from io import BytesIO

import numpy as np
import pillow_heif
import pytest
from PIL import Image as PilImage
from PIL import ImageCms
from PIL.PngImagePlugin import PngImageFile, PngInfo

from models.errors import BadImageError, InputError
from models.photo.decode import decode_photo

FORMATS = {"jpeg": "JPEG", "png": "PNG", "webp": "WEBP", "heic": "HEIF"}
LOSSLESS = {"png": {}, "webp": {"lossless": True}}
# Where row 0 and column 0 of the file lie by EXIF 2.32, made from an upright picture.
AS_STORED = {
    1: lambda upright: upright,
    2: np.fliplr,
    3: lambda upright: np.rot90(upright, 2),
    4: np.flipud,
    5: lambda upright: upright.transpose(1, 0, 2),
    6: lambda upright: np.rot90(upright, 1),
    7: lambda upright: np.rot90(upright, 2).transpose(1, 0, 2),
    8: lambda upright: np.rot90(upright, -1),
}


@pytest.fixture(scope="module", autouse=True)
def _heif_writer():
    pillow_heif.register_heif_opener()


def encode(pixels, name, **options):
    out = BytesIO()
    image = pixels if isinstance(pixels, PilImage.Image) else PilImage.fromarray(pixels)
    image.save(out, FORMATS[name], **options)
    return out.getvalue()


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def quadrants(height=64, width=96):
    """A picture that looks different in each orientation."""
    image = np.full((height, width, 3), 40, np.uint8)
    image[: height // 2, : width // 2] = (220, 30, 30)
    image[: height // 2, width // 2 :] = (30, 220, 30)
    return image


def oriented(orientation):
    exif = PilImage.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


@pytest.mark.parametrize("name", LOSSLESS)
def test_lossless_pixels_come_back_equal(name):
    pixels = noise(50, 70, 3)

    photo = decode_photo(encode(pixels, name, **LOSSLESS[name]))

    np.testing.assert_array_equal(photo.pixels, pixels)


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_is_decoded_and_named(name):
    photo = decode_photo(encode(quadrants(), name))

    assert photo.format == name
    assert np.abs(photo.pixels.astype(int) - quadrants()).mean() < 6


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pixels_can_be_changed_in_place(orientation):
    pixels = decode_photo(encode(quadrants(), "png", exif=oriented(orientation))).pixels

    assert pixels.flags.writeable
    assert pixels.flags.c_contiguous


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["jpeg", "png", "webp"])
def test_exif_orientation_is_undone(name, orientation):
    stored = np.ascontiguousarray(AS_STORED[orientation](quadrants()))

    photo = decode_photo(encode(stored, name, exif=oriented(orientation)))

    assert photo.pixels.shape == quadrants().shape
    assert np.abs(photo.pixels.astype(int) - quadrants()).mean() < 6


@pytest.mark.parametrize(("name", "order"), [(b"II*\0", "<"), (b"MM\0*", ">")])
def test_the_orientation_is_read_in_both_byte_orders(name, order):
    exif = b"Exif\0\0" + name + struct.pack(order + "IH2HI2HI", 8, 1, 0x0112, 3, 1, 6, 0, 0)
    stored = np.ascontiguousarray(AS_STORED[6](quadrants()))

    photo = decode_photo(encode(stored, "png", exif=exif))

    np.testing.assert_array_equal(photo.pixels, quadrants())


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_heic_is_turned_once(orientation):
    # The writer turns this EXIF tag into the container's irot and imir, as cameras do.
    stored = np.ascontiguousarray(AS_STORED[orientation](quadrants()))

    photo = decode_photo(encode(stored, "heic", exif=oriented(orientation)))

    assert photo.pixels.shape == quadrants().shape
    assert np.abs(photo.pixels.astype(int) - quadrants()).mean() < 6


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("exif", [b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM", oriented(9)])
def test_a_broken_orientation_is_ignored(exif):
    photo = decode_photo(encode(quadrants(), "jpeg", exif=exif))

    assert photo.pixels.shape == quadrants().shape
    assert np.abs(photo.pixels.astype(int) - quadrants()).mean() < 6


def test_grey_becomes_rgb():
    grey = noise(30, 40)

    np.testing.assert_array_equal(
        decode_photo(encode(grey, "png")).pixels, np.dstack([grey, grey, grey])
    )


def test_16_bits_keep_their_upper_half():
    grey = noise(30, 40)

    pixels = decode_photo(encode(grey.astype(np.uint16) * 257, "png")).pixels

    np.testing.assert_array_equal(pixels[..., 0], grey)


def test_a_palette_becomes_its_colours():
    image = PilImage.fromarray(quadrants()).quantize(8)

    np.testing.assert_array_equal(
        decode_photo(encode(image, "png")).pixels, np.asarray(image.convert("RGB"))
    )


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
@pytest.mark.parametrize(("alpha", "expected"), [(0, 255), (128, 177), (255, 100)])
def test_transparency_is_laid_over_white(mode, alpha, expected):
    colour = (100, alpha) if mode == "LA" else (100, 100, 100, alpha)

    pixels = decode_photo(encode(PilImage.new(mode, (8, 8), colour), "png")).pixels

    assert np.abs(pixels.astype(int) - expected).max() <= 1


def test_a_transparent_palette_entry_is_white():
    image = PilImage.new("P", (8, 8), 1)
    image.putpalette([0, 0, 0, 200, 0, 0])

    assert decode_photo(encode(image, "png", transparency=1)).pixels.min() == 255


def deep_png(colour_type, samples, key):
    """A row of 16-bit px in which one colour is transparent."""

    def chunk(name, content):
        end = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + end

    width = len(samples) // len(key)
    parts = {
        b"IHDR": struct.pack(">IIBBBBB", width, 1, 16, colour_type, 0, 0, 0),
        b"tRNS": struct.pack(f">{len(key)}H", *key),
        b"IDAT": zlib.compress(struct.pack(f">B{len(samples)}H", 0, *samples)),
        b"IEND": b"",
    }
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts.items())


@pytest.mark.parametrize("dark", [5, 1000])
@pytest.mark.parametrize("colour_type", [0, 2])
def test_a_transparent_colour_of_16_bits_is_white(colour_type, dark):
    key = (dark,) if colour_type == 0 else (dark, 2000, 3000)
    other = [1280, 40000] if colour_type == 0 else [1280, 1280, 1280, 40000, 40000, 40000]

    pixels = decode_photo(deep_png(colour_type, [*key, *other], key)).pixels[0]

    assert pixels[:, 0].tolist() == [255, 5, 156]


def test_cmyk_without_a_profile_has_plausible_colours():
    image = PilImage.fromarray(quadrants()).convert("CMYK")

    photo = decode_photo(encode(image, "jpeg", quality=95))

    assert np.abs(photo.pixels.astype(int) - quadrants()).mean() < 6
    assert photo.icc_profile is None


def srgb_profile():
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def display_p3_profile():
    """sRGB with the primaries of Display P3 (as adapted to D50)."""
    profile = bytearray(srgb_profile())
    primaries = {
        b"rXYZ": (0.51512, 0.24120, -0.00105),
        b"gXYZ": (0.29198, 0.69225, 0.04189),
        b"bXYZ": (0.15710, 0.06657, 0.78407),
    }
    for tag, xyz in primaries.items():
        entry = profile.index(tag)
        (start,) = struct.unpack_from(">I", profile, entry + 4)
        struct.pack_into(">3i", profile, start + 8, *(round(v * 65536) for v in xyz))
    return bytes(profile)


def simple_profile(space, tags):
    """An ICC v2 profile with these tags."""
    table, body = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for tag, content in tags.items():
        table += struct.pack(">4s2I", tag, start + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    head = struct.pack(">I4xI4s4s4s", start + len(body), 0x02400000, b"prtr", space, b"Lab ")
    if space == b"GRAY":
        head = struct.pack(">I4xI4s4s4s", start + len(body), 0x02400000, b"mntr", space, b"XYZ ")
    head = head.ljust(36, b"\0") + b"acsp"
    head = head.ljust(68, b"\0") + struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def grey_profile(gamma):
    return simple_profile(
        b"GRAY",
        {
            b"wtpt": b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061),
            b"kTRC": b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2),
        },
    )


def all_green_profile():
    """A CMYK profile that maps every ink mix to one green: Lab (60, -60, 60)."""
    identity = bytes(range(256))
    lut = b"mft1" + bytes(4) + struct.pack(">4B", 4, 3, 2, 0)
    lut += struct.pack(">9i", *(65536 * (i % 4 == 0) for i in range(9)))
    lut += identity * 4 + bytes([153, 68, 188]) * 16 + identity * 3
    return simple_profile(b"CMYK", {b"A2B0": lut})


@pytest.mark.parametrize("name", FORMATS)
def test_a_display_p3_photo_keeps_pixels_and_profile(name):
    profile = display_p3_profile()

    photo = decode_photo(encode(quadrants(), name, icc_profile=profile))

    assert photo.icc_profile == profile
    np.testing.assert_array_equal(photo.pixels, decode_photo(encode(quadrants(), name)).pixels)


def test_a_grey_photo_leaves_its_profile_for_srgb():
    image = PilImage.new("L", (8, 8), 128)

    photo = decode_photo(encode(image, "png", icc_profile=grey_profile(1.0)))

    assert photo.icc_profile is None
    assert np.abs(photo.pixels.astype(int) - 188).max() <= 2  # half the light, in sRGB


def test_a_cmyk_photo_leaves_its_profile_for_srgb():
    image = PilImage.new("CMYK", (16, 16), (255, 0, 0, 0))

    photo = decode_photo(encode(image, "jpeg", icc_profile=all_green_profile()))

    assert photo.icc_profile is None
    red, green, blue = photo.pixels[0, 0].astype(int)
    assert green > red + 60
    assert green > blue + 60


@pytest.mark.parametrize("profile", [b"nonsense", b"x" * 200, grey_profile(2.2)])
def test_a_profile_that_does_not_fit_is_dropped(profile):
    assert decode_photo(encode(quadrants(), "png", icc_profile=profile)).icc_profile is None


def test_a_text_chunk_that_poses_as_profile_is_ignored():
    info = PngInfo()
    info.add_text("icc_profile", "x" * 200)

    assert decode_photo(encode(quadrants(), "png", pnginfo=info)).icc_profile is None


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_cut_off_photo_is_a_bad_image(name, share):
    data = encode(noise(64, 64, 3), name)

    with pytest.raises(BadImageError):
        decode_photo(data[: int(len(data) * share)])


def test_a_png_with_a_wrong_checksum_is_a_bad_image():
    data = bytearray(encode(noise(64, 64, 3), "png"))
    data[-20] ^= 1

    with pytest.raises(BadImageError):
        decode_photo(bytes(data))


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("name", FORMATS)
def test_damaged_bytes_raise_nothing_but_input_errors(name):
    rng = np.random.default_rng(1)
    whole = encode(noise(32, 40, 3), name, exif=oriented(6), icc_profile=srgb_profile())
    for _ in range(150):
        data = np.frombuffer(whole, np.uint8).copy()
        where = rng.integers(0, min(len(data), 4000), rng.integers(1, 12))
        data[where] = rng.integers(0, 256, len(where))
        with suppress(InputError):
            decode_photo(data[: rng.integers(len(data) // 2, len(data) + 1)].tobytes())


@pytest.mark.parametrize("magic", [b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\0\1\0\0WEBP"])
def test_random_bytes_raise_nothing_but_input_errors(magic):
    rng = np.random.default_rng(2)
    for _ in range(100):
        with pytest.raises(InputError):
            decode_photo(magic + rng.bytes(int(rng.integers(0, 600))))


@pytest.mark.parametrize("step", ["load", "__init__"])
def test_a_lack_of_memory_is_not_called_a_damaged_photo(monkeypatch, step):
    data = encode(quadrants(), "png")

    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(PngImageFile, step, fail)

    with pytest.raises(MemoryError):
        decode_photo(data)


def test_bytes_stay_in_memory(monkeypatch, tmp_path):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    opened = []
    monkeypatch.setattr("builtins.open", lambda *args, **_: opened.append(args))

    for name in FORMATS:
        decode_photo(encode(quadrants(), name))

    assert opened == []
    assert list(tmp_path.iterdir()) == []
