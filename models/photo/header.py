"""Reads a photo's format, size and number of frames before any pixel is decoded."""

import re
import warnings
from dataclasses import dataclass
from io import BytesIO
from typing import Literal

from PIL import Image as PilImage
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import MARKER, JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile
from pillow_heif import HeifImageFile

from models.errors import BadImageError, NotAnImageError, TooLargeError
from models.photo.heif_boxes import stated_sizes

PhotoFormat = Literal["jpeg", "png", "webp", "heic"]

# The plugins directly: `Image.open` guesses, warns, and takes an Ultra HDR JPEG for two frames.
_PLUGINS: dict[PhotoFormat, type[ImageFile]] = {
    "jpeg": JpegImageFile,
    "png": PngImageFile,
    "webp": WebPImageFile,
    "heic": HeifImageFile,
}
_HEVC_BRANDS = {b"heic", b"heix", b"heim", b"heis"}
_SEQUENCE_BRANDS = {b"msf1", b"hevc", b"hevx", b"hevm", b"hevs"}
# A progressive JPEG has about ten; each costs a pass over all pixels, however short it is.
_MAX_JPEG_SCANS = 100
# Of a segment with a length; zeros and the eight restart markers occur within a scan.
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")
_SCAN, _END = b"\xff\xda", b"\xff\xd9"
# A photo has a few dozen; each costs Pillow time, and many of one kind cost it quadratic time.
_MAX_SEGMENTS = 1000
_MAX_PADDING = 100_000  # bytes between a JPEG's segments: Pillow reads them one by one
_MAX_DATA_CHUNKS = 50_000  # of a PNG; one may be as short as a row
_MAX_CROPPED = 63  # px of a HEIC's side: encoders fill up blocks of 64
_ANY_MARKER = re.compile(rb"\xff[^\x00\xff]")
_TOO_MANY = "The {} has too many segments beside its pixels: save it again, without metadata."
_TOO_LONG = "The PNG has a colour profile or a text larger than 1 MB: save it again, without it."

# Broken metadata makes Pillow warn on stderr; whatever matters raises an error here.
warnings.filterwarnings("ignore", module=r"PIL\.")


@dataclass(frozen=True)
class Limits:
    """How large a picture may be: a photo, a reference or a drawn mask.

    Raises:
        ValueError: a number below 1.
    """

    max_bytes: int = 20_000_000  # as it is sent
    max_pixels: int = 50_000_000  # width times height
    max_side: int = 16_384  # px, of the longer side

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 1:
                raise ValueError(f"{name}: {value}: it must be 1 or more")


DEFAULT_LIMITS = Limits()


def sniff_format(data: bytes) -> PhotoFormat:
    """The format, told by the magic bytes.

    Raises:
        NotAnImageError: none of the accepted formats.
    """
    if data[:3] == b"\xff\xd8\xff":
        return "jpeg"
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return "png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if _heif_brands(data) & (_HEVC_BRANDS | _SEQUENCE_BRANDS):
        return "heic"
    raise NotAnImageError("This is not a JPEG, PNG, WebP or HEIC picture: send one of these.")


def open_photo(data: bytes, limits: Limits = DEFAULT_LIMITS) -> tuple[PhotoFormat, ImageFile]:
    """Reads the header and checks it against the limits; decodes no pixel.

    Args:
        data: the file's content.
        limits: how large it may be.

    Returns:
        Format, and the picture, not loaded yet.

    Raises:
        NotAnImageError: none of the accepted formats.
        TooLargeError: bytes, pixels, side or frames over a limit.
        BadImageError: the header is broken.
    """
    if len(data) > limits.max_bytes:
        raise TooLargeError(
            f"The file is {len(data) / 1e6:.1f} MB; at most {limits.max_bytes / 1e6:g} MB is "
            "allowed: send a smaller or more compressed one."
        )
    name = sniff_format(data)
    if name == "jpeg":
        _check_segments(data)
    elif name == "png":
        _check_chunks(data)
    stated = stated_sizes(data) if name == "heic" else []
    image = _open(data, name)
    _check_size(image.size, limits)
    for width, height in stated:  # libheif decodes first and crops then
        _check_size((max(1, width - _MAX_CROPPED), max(1, height - _MAX_CROPPED)), limits)
    _check_frames(data, name, image)
    return name, image


def _open(data: bytes, name: PhotoFormat) -> ImageFile:
    try:
        return _PLUGINS[name](BytesIO(data))
    except PilImage.DecompressionBombError:
        raise TooLargeError("The picture has too many pixels: send a smaller one.") from None
    except MemoryError:  # the machine's fault, not the picture's
        raise
    except Exception as error:  # hostile bytes: what a decoder raises on them is not documented
        if "MAX_TEXT_CHUNK" in str(error):
            raise BadImageError(_TOO_LONG) from error
        raise BadImageError(
            f"The {name} header can't be read: save the picture again, as JPEG ({error})."
        ) from error


def _check_size(size: tuple[int, int], limits: Limits) -> None:
    width, height = size
    if max(width, height) > limits.max_side:
        raise TooLargeError(
            f"The picture is {width} x {height} px; a side may have at most {limits.max_side} px: "
            "shrink it."
        )
    if width * height > limits.max_pixels:
        raise TooLargeError(
            f"The picture has {width * height / 1e6:.1f} megapixels; "
            f"at most {limits.max_pixels / 1e6:g} are allowed: shrink it."
        )


def _check_frames(data: bytes, name: PhotoFormat, image: ImageFile) -> None:
    # Pillow's JPEG class sees one frame only: what follows it (a gain map, say) is no frame.
    sequence = name == "heic" and data[8:12] in _SEQUENCE_BRANDS
    if sequence or getattr(image, "n_frames", 1) > 1:
        raise TooLargeError("The file holds several pictures or an animation: send a single one.")
    if name == "jpeg" and _has_more_scans(data, _MAX_JPEG_SCANS):
        raise TooLargeError(
            "The JPEG has too many scans: save it again, not as a progressive JPEG."
        )


def _check_segments(data: bytes) -> None:
    """Raises TooLargeError for a JPEG whose header would take Pillow long to read."""
    place, padding = 2, 0
    for _ in range(_MAX_SEGMENTS):
        limit = place + 2 + _MAX_PADDING - padding
        marker = _ANY_MARKER.search(data, place, limit)
        if marker is None and limit < len(data):
            break
        if marker is None or marker[0] == _SCAN:
            return
        padding += marker.start() - place
        place = marker.end()
        # As in Pillow: after a marker without a reader, the data is searched, not skipped.
        _, _, reader = MARKER.get(int.from_bytes(marker[0]), ("", "", None))
        if reader is not None:
            place += max(2, int.from_bytes(data[place : place + 2]))
    raise TooLargeError(_TOO_MANY.format("JPEG"))


def _check_chunks(data: bytes) -> None:
    """Raises TooLargeError for a PNG with very many chunks, or with several colour profiles."""
    place, counts = 8, {"IDAT": 0, "iCCP": 0, "": 0}
    while len(head := data[place : place + 8]) == 8 and head[4:] != b"IEND":
        kind = head[4:].decode("latin-1")
        counts[kind if kind in counts else ""] += 1
        if counts["iCCP"] > 1:
            raise TooLargeError("The PNG has several colour profiles: save it again, with one.")
        if counts[""] > _MAX_SEGMENTS or counts["IDAT"] > _MAX_DATA_CHUNKS:
            raise TooLargeError(_TOO_MANY.format("PNG"))
        place += 12 + int.from_bytes(head[:4])


def _has_more_scans(data: bytes, most: int) -> bool:
    """Whether a JPEG has more scans than `most`; none count past its end (a phone's video, say)."""
    place, scans = 2, 0
    while scans <= most:
        marker = _MARKER.search(data, place)
        if marker is None or marker[0] == _END:
            return False
        scans += marker[0] == _SCAN
        length = data[marker.end() : marker.end() + 2]
        place = marker.end() + int.from_bytes(length)
    return True


def _heif_brands(data: bytes) -> set[bytes]:
    """Brands of the leading `ftyp` box (ISO 14496-12): the major one and the compatible ones."""
    if data[4:8] != b"ftyp":
        return set()
    box = data[8 : min(int.from_bytes(data[:4]), 256)]
    return {box[i : i + 4] for i in range(0, len(box), 4) if i != 4}  # 4: minor version
