"""Decodes the bytes of a photo to upright RGB pixels, in memory."""

from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image as PilImage

from models.errors import BadImageError
from models.photo.exif import Exif
from models.photo.header import DEFAULT_LIMITS, Limits, PhotoFormat, open_photo
from models.photo.profiles import adobe_rgb, converted_to, profile_of_nclx
from models.pixels import Image, Mask

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
        rgb, profile = _to_rgb(_in_mode(image, "LA") if is_grey else image)
        pixels = _to_array(rgb)
    except MemoryError:
        raise
    except Exception as error:  # hostile bytes: what a decoder raises on them is not documented
        raise BadImageError(
            f"The {name} is damaged or cut off: send it again or save it anew ({error})."
        ) from error
    if name != "heic":  # libheif has already turned it upright
        pixels = _upright(pixels, Exif(image.info.get("exif")).orientation())
    return Photo(pixels, profile, name)


def to_drawn_mask(picture: Photo) -> Mask:
    """A drawn mask, bool (H, W): True where the picture is brighter than mid-grey.

    Transparent parts become white, so a mask on a transparent background covers everything.
    """
    return np.asarray(picture.pixels.max(axis=2) > 127, np.bool_)


def _to_rgb(image: PilImage.Image) -> tuple[PilImage.Image, bytes | None]:
    """The picture in mode RGB, and the profile that its values are in."""
    flat = _opaque(_to_8_bits(image))
    profile = _profile(image.info.get("icc_profile"))
    if profile is None:
        profile = profile_of_nclx(image.info.get("nclx_profile"))
    if profile is None and Exif(image.info.get("exif")).is_adobe_rgb():
        profile = adobe_rgb()
    space = profile[16:20] if profile else b""
    if profile and (flat.mode, space) in {("L", b"GRAY"), ("CMYK", b"CMYK")}:
        # A broken profile: the colours without it are near enough.
        return converted_to(flat, profile, None) or flat.convert("RGB"), None
    # A grey picture keeps an RGB profile: equal RGB values are its greys.
    keeps = space == b"RGB " and flat.mode != "CMYK"
    return _in_mode(flat, "RGB"), profile if keeps else None


def _in_mode(image: PilImage.Image, mode: str) -> PilImage.Image:
    return image if image.mode == mode else image.convert(mode)  # convert() always copies


def _to_array(image: PilImage.Image) -> Image:
    """Writable pixels of an RGB picture, copied a few rows at a time.

    Strips under 128 KB reuse memory that is already allocated: 12 megapixels take 16 ms instead of
    53 ms in one piece, and half the memory.
    """
    width, height = image.size
    pixels = np.empty((height, width, 3), np.uint8)
    rows = max(1, 96_000 // (3 * width))
    for top in range(0, height, rows):
        bottom = min(height, top + rows)
        pixels[top:bottom] = np.asarray(image.crop((0, top, width, bottom)))
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


def _opaque(image: PilImage.Image) -> PilImage.Image:
    """The picture in mode L, RGB or CMYK, its transparent parts over white."""
    if image.mode == "CMYK":
        return image
    mode = "L" if image.mode in {"1", "L", "LA"} else "RGB"
    if not image.has_transparency_data:
        return _in_mode(image, mode)
    alpha = image.convert(mode + "A").getchannel("A")
    canvas = PilImage.new(mode, image.size, "white")
    canvas.paste(image.convert(mode), mask=alpha)
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
