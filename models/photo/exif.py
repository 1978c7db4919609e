"""What a photo's EXIF says about its pixels; a broken one says nothing."""

from typing import Literal

_ORIENTATION, _EXIF_IFD = 0x0112, 0x8769
_COLOUR_SPACE, _INTEROP_IFD = 0xA001, 0xA005  # of the Exif IFD
_INTEROP_INDEX = 0x0001  # of the interoperability IFD
_UNCALIBRATED = 0xFFFF  # not sRGB


class Exif:
    """An EXIF block as Pillow gives it (CIPA DC-008)."""

    def __init__(self, found: object) -> None:
        self._tiff = found.removeprefix(b"Exif\0\0") if isinstance(found, bytes) else b""
        self._order: Literal["little", "big"] = "big" if self._tiff[:2] == b"MM" else "little"
        self._main = self._number(self._tiff[4:8])

    def orientation(self) -> int:
        """1 to 8; 1 where it is missing or broken."""
        value = self._number(self._value(self._main, _ORIENTATION)[:2])
        return value if 1 <= value <= 8 else 1

    def is_adobe_rgb(self) -> bool:
        """Whether the colours are in Adobe RGB, as cameras say it (DCF's optional space)."""
        own = self._number(self._value(self._main, _EXIF_IFD))
        space = self._number(self._value(own, _COLOUR_SPACE)[:2])
        interop = self._number(self._value(own, _INTEROP_IFD))
        return space == _UNCALIBRATED and self._value(interop, _INTEROP_INDEX) == b"R03\0"

    def _number(self, content: bytes) -> int:
        return int.from_bytes(content, self._order)

    def _value(self, ifd: int, tag: int) -> bytes:
        """The 4 bytes of a tag's value, or of where it is; empty if the directory lacks it."""
        count = self._number(self._tiff[ifd : ifd + 2]) if ifd else 0
        for entry in range(ifd + 2, min(ifd + 2 + 12 * count, len(self._tiff)), 12):
            if self._number(self._tiff[entry : entry + 2]) == tag:
                return self._tiff[entry + 8 : entry + 12]
        return b""
