"""RGB pixels to the bytes of a picture, in memory, without EXIF or GPS."""

from io import BytesIO
from typing import Any, Literal

from PIL import Image as PilImage
from PIL.PngImagePlugin import PngInfo

from models.errors import BadRequestError
from models.photo.header import PhotoFormat
from models.pixels import Image

AnswerFormat = Literal["jpeg", "png", "webp"]

# IPTC's term for a photo of which a part was made by a trained model:
# https://cv.iptc.org/newscodes/digitalsourcetype/
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
_XMP = f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about=""
 xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 Iptc4xmpExt:DigitalSourceType="{SOURCE_TYPE}"/>
</rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""
# Longest side that the format, or its encoder, can hold.
_LONGEST_PX = {"jpeg": 65_500, "png": 2**31 - 1, "webp": 16_383}


def answer_format(came_in: PhotoFormat) -> AnswerFormat:
    """The answer's format if the caller names none: the photo's own, or JPEG for HEIC."""
    return "jpeg" if came_in == "heic" else came_in


def check_size(pixels: Image, wanted: AnswerFormat) -> None:
    """Raises BadRequestError if that format can't hold a picture of this size."""
    side, longest = max(pixels.shape[:2]), _LONGEST_PX[wanted]
    if side > longest:
        larger = " or ".join(name for name, px in _LONGEST_PX.items() if side <= px)
        raise BadRequestError(f"{wanted} is limited to {longest} px a side: ask for {larger}.")


def encode_photo(
    pixels: Image,
    *,
    format: AnswerFormat,  # noqa: A002 (the API's own word)
    quality: int,
    icc_profile: bytes | None,
    face_changed: bool,
) -> bytes:
    """Encodes a picture with its colour profile and no other metadata of the photo.

    Args:
        pixels: RGB, uint8 (H, W, 3).
        format: PNG is lossless, the others follow `quality`.
        quality: 1 to 100; JPEG keeps full chroma resolution above 90.
        icc_profile: of the space that the pixels are in.
        face_changed: marks the picture as composite with AI-made parts (IPTC
            digitalSourceType, in an XMP packet).

    Returns:
        The file's content.

    Raises:
        BadRequestError: the format can't hold a picture of this size.
    """
    check_size(pixels, format)
    options = _options(format, quality)
    if face_changed:
        options |= _mark(format)
    out = BytesIO()
    PilImage.fromarray(pixels).save(out, format, icc_profile=icc_profile, **options)
    return out.getvalue()


def _options(name: AnswerFormat, quality: int) -> dict[str, Any]:
    """Fast rather than small."""
    if name == "png":
        return {"compress_level": 1}
    if name == "webp":
        return {"quality": quality, "method": 2}
    return {"quality": quality, "subsampling": "4:4:4" if quality > 90 else "4:2:0"}


def _mark(name: AnswerFormat) -> dict[str, Any]:
    if name == "png":
        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", _XMP)
        return {"pnginfo": info}
    return {"xmp": _XMP.encode()}
