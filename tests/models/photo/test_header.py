import struct
import subprocess
import sys
import time
import zlib
from contextlib import nullcontext
from io import BytesIO

import pillow_heif
import pytest
from PIL import Image as PilImage

from models.errors import BadImageError, NotAnImageError, TooLargeError
from models.photo.header import Limits, open_photo, sniff_format

FORMATS = {"jpeg": "JPEG", "png": "PNG", "webp": "WEBP", "heic": "HEIF"}


@pytest.fixture(scope="module", autouse=True)
def _heif_writer():
    pillow_heif.register_heif_opener()


def encoded(name, size=(64, 48), **options):
    out = BytesIO()
    PilImage.new("RGB", size, "olive").save(out, FORMATS[name], **options)
    return out.getvalue()


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_of_zeros(side, *extra):
    """A black 1-bit PNG: megapixels in a few KB."""
    rows = zlib.compress(bytes(((side + 7) // 8 + 1) * side), 9)
    header = chunk(b"IHDR", struct.pack(">2I5B", side, side, 1, 0, 0, 0, 0))
    body = b"".join(extra)
    return b"\x89PNG\r\n\x1a\n" + header + body + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize("name", FORMATS)
def test_magic_bytes_name_the_format(name):
    assert sniff_format(encoded(name)) == name


@pytest.mark.parametrize("name", FORMATS)
def test_the_size_is_known_before_decoding(name):
    found, image = open_photo(encoded(name, (72, 48)))

    assert (found, image.size) == (name, (72, 48))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GIF89a",
        b"%PDF-1.7",
        b"\0\0\0\x18ftypavif\0\0\0\0avifmif1",
        b"RIFF\x24\0\0\0WAVEfmt ",
        b"FORM\0\0\0\x24WEBPVP8 ",
    ],
)
def test_other_formats_are_refused_by_name(data):
    with pytest.raises(NotAnImageError, match="JPEG, PNG, WebP or HEIC"):
        sniff_format(data)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    "limits", [Limits(max_bytes=40), Limits(max_pixels=64 * 48 - 1), Limits(max_side=63)]
)
def test_each_limit_refuses_each_format(name, limits):
    with pytest.raises(TooLargeError):
        open_photo(encoded(name), limits)


@pytest.mark.parametrize("name", FORMATS)
def test_a_photo_at_its_limits_passes(name):
    data = encoded(name)

    open_photo(data, Limits(max_bytes=len(data), max_pixels=64 * 48, max_side=64))


@pytest.mark.parametrize("name", ["png", "webp", "heic"])
def test_several_frames_are_refused(name):
    frames = [PilImage.new("RGB", (64, 64), colour) for colour in ("red", "blue")]
    out = BytesIO()
    frames[0].save(out, FORMATS[name], save_all=True, append_images=frames[1:])

    with pytest.raises(TooLargeError, match="several pictures"):
        open_photo(out.getvalue())


def test_a_heic_sequence_is_refused():
    data = bytearray(encoded("heic"))
    data[8:12] = b"msf1"

    with pytest.raises(TooLargeError, match="several pictures"):
        open_photo(bytes(data))


def test_a_heic_with_a_thumbnail_is_one_picture():
    heif = pillow_heif.from_pillow(PilImage.new("RGB", (256, 256), "olive"))
    out = BytesIO()
    heif.save(out, thumbnails=[64])

    assert open_photo(out.getvalue())[0] == "heic"


def test_a_jpeg_with_a_second_picture_behind_it_is_one_picture():
    out = BytesIO()
    photo, gain_map = (PilImage.new("RGB", (64, 48), colour) for colour in ("olive", "grey"))
    photo.save(out, "MPO", save_all=True, append_images=[gain_map])

    assert open_photo(out.getvalue())[0] == "jpeg"


def test_a_jpeg_of_endless_scans_is_refused():
    data = encoded("jpeg")
    start, end = data.index(b"\xff\xda"), data.rindex(b"\xff\xd9")

    with pytest.raises(TooLargeError, match="scans"):
        open_photo(data[:end] + data[start:end] * 100 + data[end:])
    assert open_photo(data[:end] + data[start:end] * 99 + data[end:])[0] == "jpeg"


def test_what_follows_a_jpeg_is_no_scan_of_it():
    data = encoded("jpeg")
    scan = data[data.index(b"\xff\xda") : data.rindex(b"\xff\xd9")]

    assert open_photo(data + bytes(2) + 200 * scan)[0] == "jpeg"


def test_a_thumbnail_in_a_jpegs_header_is_no_end_of_it():
    data, thumbnail = encoded("jpeg"), encoded("jpeg", (8, 8))
    segment = b"\xff\xe1" + (2 + len(thumbnail)).to_bytes(2) + thumbnail
    start, end = data.index(b"\xff\xda"), data.rindex(b"\xff\xd9")

    with pytest.raises(TooLargeError, match="scans"):
        open_photo(data[:2] + segment + data[2:end] + data[start:end] * 100 + data[end:])


def with_segments(segments):
    data = encoded("jpeg")
    return data[:2] + segments + data[2:]


EXIF_SEGMENT = b"\xff\xe1\0\x0cExif\0\0abcd"


@pytest.mark.parametrize(
    "segments",
    [
        EXIF_SEGMENT * 1001,
        b"\xff\xfe\0\2" * 1001,
        b"\xff\xd0" * 1001,
        b"\xff\xf0\xff\xff" + EXIF_SEGMENT * 1001,  # Pillow doesn't skip F0's apparent content
        b"\xff\xd9" + EXIF_SEGMENT * 1001,  # Pillow continues after an end marker
    ],
)
def test_a_jpeg_of_endless_segments_is_refused(segments):
    with pytest.raises(TooLargeError, match="too many segments"):
        open_photo(with_segments(segments))


def test_a_jpeg_of_many_segments_is_read():
    assert open_photo(with_segments(EXIF_SEGMENT * 900))[0] == "jpeg"


@pytest.mark.parametrize("padding", [b"\xff", b"\xff\0"])
def test_a_jpeg_of_endless_padding_is_refused(padding):
    with pytest.raises(TooLargeError, match="save it again, without metadata"):
        open_photo(with_segments(padding * 150_000))
    assert open_photo(with_segments(padding * 1_000))[0] == "jpeg"


def test_hostile_segments_are_refused_in_no_time():
    files = [with_segments(part * (19_000_000 // len(part))) for part in (EXIF_SEGMENT, b"\xff")]
    start = time.process_time()

    for data in files:
        with pytest.raises(TooLargeError):
            open_photo(data)

    assert time.process_time() - start < 0.5  # Pillow takes minutes for one, seconds for the other


@pytest.mark.parametrize("place", ["before", "after"])
def test_a_png_of_endless_chunks_is_refused(place):
    data = png_of_zeros(64)
    start = data.index(b"IDAT" if place == "before" else b"IEND") - 4

    with pytest.raises(TooLargeError, match="too many segments"):
        open_photo(data[:start] + chunk(b"gAMA", bytes(4)) * 1001 + data[start:])
    assert open_photo(data[:start] + chunk(b"gAMA", bytes(4)) * 900 + data[start:])[0] == "png"


@pytest.mark.parametrize(("count", "is_refused"), [(20_000, False), (60_000, True)])
def test_the_pixels_of_a_png_may_come_in_many_chunks(count, is_refused):
    data = png_of_zeros(64, chunk(b"IDAT", b"") * count)

    with pytest.raises(TooLargeError) if is_refused else nullcontext():
        open_photo(data)


def test_a_png_of_two_profiles_is_refused():
    with pytest.raises(TooLargeError, match="several colour profiles"):
        open_photo(png_of_zeros(64, chunk(b"iCCP", b"icc\0\0" + zlib.compress(b"")) * 2))


def test_what_follows_a_png_is_no_chunk_of_it():
    assert open_photo(png_of_zeros(64) + chunk(b"gAMA", bytes(4)) * 1001)[0] == "png"


def test_a_broken_header_is_a_bad_image():
    with pytest.raises(BadImageError, match="header"):
        open_photo(b"\x89PNG\r\n\x1a\n" + bytes(40))


def test_a_profile_that_inflates_without_end_is_refused():
    bomb = chunk(b"iCCP", b"icc\0\0" + zlib.compress(bytes(50_000_000), 9))

    with pytest.raises(BadImageError):
        open_photo(png_of_zeros(64, bomb))


DECODING = """
import sys
from models.photo.decode import decode_photo
def peak_kb():
    if sys.platform == "linux":  # its ru_maxrss starts from the parent's
        lines = open("/proc/self/status").read().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    import resource
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
before = peak_kb()
for line in sys.stdin:
    try:
        print(decode_photo(bytes.fromhex(line)).format)
    except Exception as error:
        print(type(error).__name__)
print(peak_kb() - before)
"""


def decode_elsewhere(*files):
    """Decodes in a separate process; gives outcomes and the growth of its peak memory, bytes."""
    run = subprocess.run(
        [sys.executable, "-c", DECODING],
        input="\n".join(data.hex() for data in files),
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stderr == ""
    *outcomes, grown = run.stdout.split()
    return outcomes, int(grown) * 1024


def huge_webp(side):
    data = bytearray(encoded("webp", (16, 16), lossless=True))
    data[21:25] = struct.pack("<I", (side - 1) | (side - 1) << 14)
    return bytes(data)


def test_an_81_megapixel_png_of_10_kb_costs_no_memory():
    data = png_of_zeros(9000)
    assert len(data) < 11_000

    outcomes, grown = decode_elsewhere(data)

    assert outcomes == ["TooLargeError"]
    assert grown < 64_000_000


def test_such_a_png_within_the_limits_does_cost_memory():
    _, grown = decode_elsewhere(png_of_zeros(7000))

    assert grown > 64_000_000


def test_a_huge_webp_costs_no_memory():
    outcomes, grown = decode_elsewhere(huge_webp(9600), huge_webp(16_383))

    assert outcomes == ["TooLargeError", "TooLargeError"]
    assert grown < 64_000_000


def test_text_that_inflates_without_end_costs_little_memory():
    text = chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(1_000_000), 9))

    outcomes, grown = decode_elsewhere(png_of_zeros(64, text * 300))

    assert outcomes == ["BadImageError"]
    assert grown < 100_000_000


def test_damaged_metadata_is_ignored_in_silence():
    no_frames = png_of_zeros(64, chunk(b"acTL", bytes(8)))
    no_exif = encoded("jpeg", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")

    assert decode_elsewhere(no_frames, no_exif)[0] == ["png", "jpeg"]
