"""Decodes the bytes of a photo to upright RGB pixels, in memory."""

from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image as PilImage

from models.errors import BadImageError
from models.photo.exif import Exif
from models.photo.header import DEFAULT_LIMITS, Limits, PhotoFormat, open_photo
from models.photo.profiles import adobe_rgb, converted_to, profile_of_gamma, profile_of_nclx
from models.pixels import Image

_PNG_DEPTH_AT, _PNG_COLOURS_AT = 24, 25  # bytes of the file
_GREY_WITH_ALPHA = 4
_MAX_PROFILE_BYTES = 16 << 20  # CMYK takes 2 MB; of a PNG, Pillow refuses more than 1
_TURNS = {
    3: cv2.ROTATE_180,
    6: cv2.ROTATE_90_CLOCKWISE,
    8: cv2.ROTATE_90_COUNTERCLOCKWISE,
}


@dataclass
class Photo:
    """A decoded photo; edits work on copies of its pixels."""

    pixels: Image  # upright, C-contiguous and writable
    icc_profile: bytes | None  # of an RGB space; None is read as sRGB
    format: PhotoFormat


def decode_photo(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Photo:
    """Decodes a JPEG, PNG, WebP or HEIC.

    Args:
        data: the file's content.
        limits: what is refused from the header alone, before any pixel is decoded.

    Returns:
        Upright RGB pixels (EXIF orientation applied, transparency over white), uint8
        (H, W, 3), and the photo's ICC profile when its colours are still in that space.

    Raises:
        NotAnImageError: none of the accepted formats.
        TooLargeError: bytes, pixels, side or frames over a limit.
        BadImageError: truncated or corrupt.
        MemoryError: this machine is short of memory; the photo may be fine.
    """
    name, image = open_photo(data, limits)
    try:
        image.load()
        if name == "png":
            _fit_colour_key(image, data[_PNG_DEPTH_AT])
        # Pillow makes colours of it if it has 16 bits.
        is_grey = name == "png" and data[_PNG_COLOURS_AT] == _GREY_WITH_ALPHA
        pixels, profile = _to_pixels(_in_mode(image, "LA") if is_grey else image)
        orientation = Exif(image.info.get("exif")).orientation()
        del image  # turning takes as much memory
    except MemoryError:
        raise
    except Exception as error:  # hostile bytes: what a decoder raises on them is not documented
        raise BadImageError(
            f"The {name} is damaged or cut off: send it again, or save it again as JPEG ({error})."
        ) from error
    if name != "heic":  # libheif has already turned it upright
        pixels = _upright(pixels, orientation)
    return Photo(pixels, profile, name)


def _to_pixels(image: PilImage.Image) -> tuple[Image, bytes | None]:
    """The picture's pixels, and the profile that their values are in."""
    profile = _own_profile(image)
    space = profile[16:20] if profile else b""
    mode = _flat_mode(image)
    if profile and (mode, space) in {("L", b"GRAY"), ("CMYK", b"CMYK")}:
        flat = _opaque(_to_8_bits(image))
        # A broken profile: the colours without it are near enough.
        return _to_array(converted_to(flat, profile, None) or flat), None
    # A grey picture keeps an RGB profile: equal RGB values are its greys.
    keeps = space == b"RGB " and mode != "CMYK"
    return _to_array(image), profile if keeps else None


def _own_profile(image: PilImage.Image) -> bytes | None:
    info = image.info
    profile = _profile(info.get("icc_profile")) or profile_of_nclx(info.get("nclx_profile"))
    if profile is None and Exif(info.get("exif")).is_adobe_rgb():
        return adobe_rgb()
    if profile is None and "srgb" not in info:
        return profile_of_gamma(info.get("gamma"))
    return profile


def _in_mode(image: PilImage.Image, mode: str) -> PilImage.Image:
    return image if image.mode == mode else image.convert(mode)  # convert() always copies


def _to_array(image: PilImage.Image) -> Image:
    """Writable RGB pixels of any picture, made a few rows at a time.

    Strips under 128 KB reuse memory that is already allocated: 12 megapixels take 16 ms instead of
    53 ms in one piece, and half the memory.
    """
    width, height = image.size
    pixels = np.empty((height, width, 3), np.uint8)
    rows = max(1, 96_000 // (3 * width))
    for top in range(0, height, rows):
        bottom = min(height, top + rows)
        strip = _opaque(_to_8_bits(image.crop((0, top, width, bottom))))
        pixels[top:bottom] = np.asarray(_in_mode(strip, "RGB"))
    return pixels


def _to_8_bits(image: PilImage.Image) -> PilImage.Image:
    if not image.mode.startswith("I"):
        return image
    values = np.asarray(image).astype(np.uint32)
    grey = PilImage.fromarray(((values * 255 + 32767) // 65535).astype(np.uint8))
    if (key := image.info.get("transparency")) is not None:
        grey.putalpha(PilImage.fromarray(np.where(values == key, 0, 255).astype(np.uint8)))
    return grey


def _fit_colour_key(image: PilImage.Image, depth: int) -> None:
    """Brings a PNG's transparent colour to 8 bits, as Pillow does with the pixels alone.

    Of 16 bits, colours that differ from it only in their lower bytes become transparent as well.
    """
    key = image.info.get("transparency")
    if depth == 16 and isinstance(key, tuple):  # of colours, not of grey
        image.info["transparency"] = tuple(level >> 8 for level in key)
    elif depth < 8 and image.mode == "L" and isinstance(key, int):  # of grey, not of a palette
        image.info["transparency"] = key * (255 // (2**depth - 1))


def _flat_mode(image: PilImage.Image) -> str:
    if image.mode == "CMYK":
        return "CMYK"
    return "L" if image.mode in {"1", "L", "LA"} or image.mode.startswith("I") else "RGB"


def _opaque(image: PilImage.Image) -> PilImage.Image:
    """The picture in mode L, RGB or CMYK, its transparent parts over white."""
    mode = _flat_mode(image)
    if mode == "CMYK" or not image.has_transparency_data:
        return _in_mode(image, mode)
    clear = _in_mode(image, mode + "A")
    canvas = PilImage.new(mode, image.size, "white")
    canvas.paste(clear.convert(mode), mask=clear.getchannel("A"))
    return canvas


def _profile(found: object) -> bytes | None:
    # A PNG's text chunk may put anything under this name.
    if not isinstance(found, bytes) or not 128 <= len(found) <= _MAX_PROFILE_BYTES:
        return None
    return found if found[36:40] == b"acsp" else None


def _upright(pixels: Image, orientation: int) -> Image:
    """Rotates and mirrors a picture upright, as its EXIF orientation says."""
    if orientation in {5, 7}:
        pixels = cv2.transpose(pixels).astype(np.uint8, copy=False)
        orientation = {5: 1, 7: 3}[orientation]
    if orientation in {2, 4}:
        return np.asarray(cv2.flip(pixels, 1 if orientation == 2 else 0), np.uint8)
    if orientation in _TURNS:
        return np.asarray(cv2.rotate(pixels, _TURNS[orientation]), np.uint8)
    return pixels
