"""Reads what a HEIC's boxes state (ISO 14496-12 and 23008-12) before libheif acts on it.

libheif takes as much memory as the boxes say, and pillow-heif copies metadata and colour profile
for each picture of the file: both before the size of any picture can be asked for.
"""

import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from models.errors import BadImageError, TooLargeError

# Of items for which libheif makes a picture; so are `mime` items of JPEG.
_PICTURES = {b"hvc1", b"grid", b"iden", b"iovl", b"tili", b"mski", b"unci", b"lhv1"}
_PICTURES |= {b"jpeg", b"j2k1", b"av01", b"avc1", b"vvc1"}
_MAX_PARTS = 2000  # boxes in one box, say; libheif refuses more than 1000 items
_MAX_EXTENTS = 32  # of an item; libheif refuses more
_MAX_REFERENCES = 10_000  # between items
_MAX_IPMA = 4  # boxes that say which properties an item has: one of each form
_SEVERAL = "The file holds several pictures or an animation: send a single one."
_TOO_MANY = "The HEIC has too many parts: save it again, as JPEG."
_SHARED = "The HEIC uses the same bytes several times: save it again, as JPEG."
_BROKEN = "The heic header can't be read: save the picture again, as JPEG ({})."

Size = tuple[int, int]  # width and height, px


@dataclass
class _Item:
    """A picture, a part of one, or metadata."""

    kind: bytes
    is_picture: bool
    is_hidden: bool
    extents: list[tuple[int, int]] = field(default_factory=list)  # start and end in the file
    sizes: list[Size] = field(default_factory=list)


@dataclass
class _Reference:
    kind: bytes
    source: int
    targets: tuple[int, ...]


class _CutOffError(Exception):
    """A box ends too early, or beyond the one around it."""


class _Box:
    """The content of a box, read from its start to its end."""

    def __init__(self, data: bytes, place: int, end: int) -> None:
        self._data, self.place, self._end = data, place, end

    def take(self, size: int) -> bytes:
        start, self.place = self.place, self.place + size
        if self.place > self._end:
            raise _CutOffError
        return self._data[start : self.place]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size))

    def count(self, size: int, most: int = _MAX_PARTS) -> int:
        found = self.number(size)
        if found > most:
            raise TooLargeError(_TOO_MANY)
        return found

    def numbers(self, count: int, letter: str) -> tuple[int, ...]:
        """That many numbers of a size that `struct` has a letter for."""
        form = f">{count}{letter}"
        return struct.unpack(form, self.take(struct.calcsize(form)))

    def rest(self) -> bytes:
        return self.take(self._end - self.place)

    def boxes(self) -> Iterator[tuple[bytes, "_Box"]]:
        """Kind and content of each box in this one."""
        for _ in range(_MAX_PARTS):
            if self.place == self._end:
                return
            start = self.place
            size, kind = self.number(4), self.take(4)
            size = self.number(8) if size == 1 else size
            end = start + size if size else self._end  # 0: up to the end
            if not self.place <= end <= self._end:
                raise _CutOffError
            yield kind, _Box(self._data, self.place, end)
            self.place = end
        raise TooLargeError(_TOO_MANY)


def stated_sizes(data: bytes) -> list[Size]:
    """The sizes of all pictures in a HEIC, of their tiles and of what they are pasted on.

    Args:
        data: the file's content.

    Returns:
        Width and height, px, before any cropping.

    Raises:
        TooLargeError: several pictures, more parts than a photo has, or one byte in many items.
        BadImageError: the boxes are broken, or state no size.
    """
    try:
        return [size for meta in _metas(data) for size in _sizes(data, meta)]
    except _CutOffError:
        raise BadImageError(_BROKEN.format("a part is cut off")) from None
    except (KeyError, ValueError):
        raise BadImageError(_BROKEN.format("a part is missing")) from None


def _metas(data: bytes) -> Iterator[_Box]:
    with suppress(_CutOffError):  # phones append what isn't a box
        for kind, box in _Box(data, 0, len(data)).boxes():
            if kind == b"meta":
                box.number(4)
                yield box


def _sizes(data: bytes, meta: _Box) -> Iterator[Size]:
    parts: dict[bytes, _Box] = {}
    for kind, box in meta.boxes():
        if kind in {b"iinf", b"iloc", b"iprp", b"iref", b"idat"}:
            _add(parts, kind, box)
    items = _items(parts[b"iinf"])
    _add_extents(items, parts[b"iloc"], parts[b"idat"].place if b"idat" in parts else 0)
    _add_sizes(items, parts[b"iprp"])
    references = list(_references(parts[b"iref"])) if b"iref" in parts else []
    _check_pictures(items, references)
    _check_bytes(items, len(data))
    for item in items.values():
        if item.is_picture and not item.sizes:
            raise BadImageError(_BROKEN.format("a picture states no size"))
        if item.kind == b"iovl":  # as large as its content says
            raise BadImageError(_BROKEN.format("it overlays pictures"))
        yield from item.sizes
    for one in references:
        if one.kind == b"dimg" and items[one.source].kind == b"grid":
            yield _grid_size(data, items[one.source], [items[tile] for tile in one.targets])


def _add(found: dict[Any, Any], key: object, value: object) -> None:
    """Adds what may occur only once: which of two libheif would use isn't specified."""
    if key in found:
        raise BadImageError(_BROKEN.format("a part occurs twice"))
    found[key] = value


def _items(iinf: _Box) -> dict[int, _Item]:
    items: dict[int, _Item] = {}
    version = iinf.number(4) >> 24
    iinf.number(4 if version else 2)
    for kind, infe in iinf.boxes():
        if kind == b"infe":
            head = infe.number(4)
            version, is_hidden = head >> 24, bool(head & 1)
            number = infe.number(4 if version > 2 else 2)
            infe.number(2)
            kind, names = infe.take(4) if version > 1 else b"", infe.rest()
            is_picture = kind in _PICTURES or b"image/jpeg" in names
            _add(items, number, _Item(kind, is_picture, is_hidden))
    return items


def _add_extents(items: dict[int, _Item], iloc: _Box, idat: int) -> None:
    version, widths = iloc.number(4) >> 24, iloc.number(2)
    of_offset, of_length, of_base, of_index = (widths >> bits & 15 for bits in (12, 8, 4, 0))
    if not {of_offset, of_length, of_base} <= {0, 4, 8}:
        raise BadImageError(_BROKEN.format("the places of its parts have an unknown form"))
    places: dict[int, list[tuple[int, int]]] = {}
    for _ in range(iloc.count(4 if version > 1 else 2)):
        number = iloc.number(4 if version > 1 else 2)
        is_in_idat = version > 0 and iloc.number(2) & 15 == 1
        iloc.number(2)
        base = iloc.number(of_base) + (idat if is_in_idat else 0)
        extents = []
        for _ in range(iloc.count(2, _MAX_EXTENTS)):
            iloc.number(of_index if version > 0 else 0)
            start = base + iloc.number(of_offset)
            extents.append((start, start + iloc.number(of_length)))
        _add(places, number, extents)
    for number, item in items.items():
        item.extents = places.get(number, [])


def _add_sizes(items: dict[int, _Item], iprp: _Box) -> None:
    properties: dict[bytes, list[_Box]] = {b"ipco": [], b"ipma": []}
    for kind, box in iprp.boxes():
        properties.get(kind, []).append(box)
    (ipco,) = properties[b"ipco"]
    sizes: dict[int, Size] = {}
    for index, (kind, box) in enumerate(ipco.boxes(), 1):
        if kind == b"ispe":
            box.number(4)
            sizes[index] = box.number(4), box.number(4)
    found: dict[int, list[Size]] = {}
    if len(properties[b"ipma"]) > _MAX_IPMA:
        raise TooLargeError(_TOO_MANY)
    for ipma in properties[b"ipma"]:
        head = ipma.number(4)
        letter, mask = ("H", 0x7FFF) if head & 1 else ("B", 0x7F)
        for _ in range(ipma.count(4)):
            number = ipma.number(4 if head >> 24 else 2)
            indices = ipma.numbers(ipma.number(1), letter)
            _add(found, number, [sizes[one & mask] for one in indices if one & mask in sizes])
    for number, item in items.items():
        item.sizes = found.get(number, [])


def _references(iref: _Box) -> Iterator[_Reference]:
    letter = "I" if iref.number(4) >> 24 else "H"
    left = _MAX_REFERENCES
    for kind, box in iref.boxes():
        (source,) = box.numbers(1, letter)
        count = box.count(2, left)
        left -= count
        yield _Reference(kind, source, box.numbers(count, letter))


def _check_pictures(items: dict[int, _Item], references: list[_Reference]) -> None:
    """Raises TooLargeError for several pictures; thumbnails and gain maps, say, belong to one."""
    pictures = {number for number, item in items.items() if item.is_picture}
    shown = {number for number in pictures if not items[number].is_hidden}
    for one in references:
        if one.kind in {b"thmb", b"auxl"} and pictures.intersection(one.targets):
            shown.discard(one.source)
    if len(shown) > 1:
        raise TooLargeError(_SEVERAL)


def _check_bytes(items: dict[int, _Item], file_bytes: int) -> None:
    """Raises TooLargeError if the metadata, or a picture, is larger than the file."""
    metadata = 0
    for item in items.values():
        inside = sum(max(0, min(end, file_bytes) - start) for start, end in item.extents)
        metadata += 0 if item.is_picture else inside
        if max(inside, metadata) > file_bytes:
            raise TooLargeError(_SHARED)


def _grid_size(data: bytes, grid: _Item, tiles: list[_Item]) -> Size:
    """The size of a picture made of tiles: all are of one size, and none lies outside."""
    content = b"".join(data[start:end] for start, end in grid.extents)
    box = _Box(content, 0, len(content))
    width = 4 if box.number(2) & 1 else 2
    rows, columns = box.number(1) + 1, box.number(1) + 1
    size = box.number(width), box.number(width)
    if any(tile.kind != b"hvc1" for tile in tiles):
        raise BadImageError(_BROKEN.format("a tile is of another kind"))
    ((across, down),) = {one for tile in tiles for one in tile.sizes}
    if (columns - 1) * across >= size[0] or (rows - 1) * down >= size[1]:
        raise BadImageError(_BROKEN.format("a tile lies outside"))
    return size
