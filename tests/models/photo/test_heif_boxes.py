"""What a HEIC's boxes state is checked before libheif takes memory for it."""

import re
import struct
from io import BytesIO

import pillow_heif
import pytest
from PIL import Image as PilImage

from models.errors import BadImageError, TooLargeError
from models.photo.header import open_photo
from models.photo.heif_boxes import stated_sizes
from tests.models.photo.test_header import decode_elsewhere, encoded

HIDDEN = 1


@pytest.fixture(scope="module", autouse=True)
def _heif_writer():
    pillow_heif.register_heif_opener()


def box(kind, *parts):
    content = b"".join(parts)
    return struct.pack(">I4s", 8 + len(content), kind) + content


def ipma(*owners, letter="B"):
    """Which property, counted from 1, each item has; with `letter` "H", in the longer form."""
    entries = [struct.pack(f">HB{letter}", number, 1, at) for number, at in owners]
    return box(b"ipma", struct.pack(">2I", letter == "H", len(owners)), *entries)


def file_of(items, references=(), sizes=(), places=(), idat=b"", further=b"", ipmas=()):
    """The boxes of a HEIC without its pixels.

    items: (kind, flags) of 1, 2, 3..., the kind may go on with names; references: (kind, source,
    *targets); sizes: item to the width and height that it states; places: item to start and end in
    `idat`; ipmas: instead of the one that fits the sizes.
    """
    infes = [
        box(b"infe", struct.pack(">IHH", 2 << 24 | flags, number, 0), kind, b"\0\0\0")
        for number, (kind, flags) in enumerate(items, 1)
    ]
    extents = [
        struct.pack(">4H2I", number, 1, 0, 1, start, end - start)
        for number, (start, end) in dict(places).items()
    ]
    stated = [box(b"ispe", struct.pack(">3I", 0, *size)) for size in dict(sizes).values()]
    owners = [(number, at) for at, number in enumerate(dict(sizes), 1)]
    links = [
        box(kind, struct.pack(f">2H{len(targets)}H", source, len(targets), *targets))
        for kind, source, *targets in references
    ]
    meta = box(
        b"meta",
        bytes(4),
        box(b"iinf", struct.pack(">IH", 0, len(infes)), *infes),
        box(b"iloc", struct.pack(">I2BH", 1 << 24, 0x44, 0, len(extents)), *extents),
        box(
            b"iprp",
            box(b"ipco", *stated),
            *(ipmas or [ipma(*owners)]),
        ),
        box(b"iref", bytes(4), *links),
        box(b"idat", idat),
        further,
    )
    return box(b"ftyp", b"heic\0\0\0\0mif1heic") + meta


def grid_of(columns, rows, width, height):
    return struct.pack(">4B2H", 0, 0, rows - 1, columns - 1, width, height)


def tiled(width=1000, height=500, kind=b"hvc1"):
    """A phone's photo of two tiles, with all that comes with it."""
    metadata = b"Exif of the camera"
    picture = grid_of(2, 1, width, height)
    return file_of(
        [
            (b"grid", 0),
            (kind, HIDDEN),
            (kind, HIDDEN),
            (b"hvc1", 0),
            (b"hvc1", 0),
            (b"Exif", 0),
            (b"mime", HIDDEN),
            (b"tmap", 0),
        ],
        [
            (b"dimg", 1, 2, 3),
            (b"thmb", 4, 1),
            (b"auxl", 5, 1),
            (b"cdsc", 6, 1),
            (b"cdsc", 7, 5),
            (b"dimg", 8, 1, 5),
        ],
        {1: (1000, 500), 2: (512, 512), 3: (512, 512), 4: (320, 240), 5: (500, 250)},
        {1: (0, len(picture)), 6: (8, 26), 7: (10, 20)},
        picture + metadata,
    )


def test_a_phones_photo_states_the_sizes_of_its_pictures_tiles_and_canvas():
    sizes = [(1000, 500), (512, 512), (512, 512), (320, 240), (500, 250), (1000, 500)]

    assert stated_sizes(tiled()) == sizes
    assert stated_sizes(tiled() + b"\0\0\0\1SEFT") == sizes


def test_a_gain_map_may_be_made_of_tiles_too():
    data = file_of(
        [(b"grid", 0), (b"hvc1", HIDDEN), (b"grid", 0), (b"hvc1", HIDDEN)],
        [(b"dimg", 1, 2), (b"dimg", 3, 4), (b"auxl", 3, 1)],
        {1: (500, 500), 2: (512, 512), 3: (250, 250), 4: (256, 256)},
        {1: (0, 8), 3: (8, 16)},
        grid_of(1, 1, 500, 500) + grid_of(1, 1, 250, 250),
    )

    assert stated_sizes(data)[4:] == [(500, 500), (250, 250)]


@pytest.mark.parametrize(
    "ipmas",
    [
        [ipma((1, 1))],
        [ipma((1, 0x81))],  # the upper bit: who doesn't know the property can't show the item
        [ipma((1, 0x8001), letter="H")],
        [ipma(), ipma(letter="H"), ipma(), ipma((1, 1))],
    ],
)
def test_a_size_may_belong_to_its_picture_in_each_form(ipmas):
    assert stated_sizes(file_of([(b"hvc1", 0)], sizes={1: (64, 48)}, ipmas=ipmas)) == [(64, 48)]


def test_a_heic_is_as_large_as_before_it_is_cropped():
    data = bytearray(encoded("heic", icc_profile=bytes(28)))
    crop = struct.pack(">I4s8I", 40, b"clap", 64, 1, 64, 1, 0, 1, 0, 1)
    profile = data.index(b"colrprof") - 4
    data[profile : profile + 40] = crop
    assert open_photo(bytes(data))[0] == "heic"

    size = data.index(b"ispe") + 8
    data[size : size + 8] = struct.pack(">2I", 9600, 9600)

    with pytest.raises(TooLargeError, match="megapixels"):
        open_photo(bytes(data))


def test_a_heic_of_odd_sides_is_as_large_as_it_is_shown():
    assert open_photo(encoded("heic", (71, 49)))[1].size == (71, 49)


def test_a_heic_that_states_no_size_is_refused():
    with pytest.raises(BadImageError, match="states no size"):
        open_photo(encoded("heic").replace(b"ispe", b"free"))


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (tiled(width=512), "outside"),
        (tiled(kind=b"grid"), "another kind"),
        (file_of([(b"iovl", 0)], sizes={1: (64, 64)}), "overlays"),
        (tiled()[:-30], "header"),
    ],
)
def test_tiles_that_cost_more_than_they_show_are_refused(data, told):
    with pytest.raises(BadImageError, match=told):
        open_photo(data)


def test_tiles_are_pasted_within_the_limits_only():
    out = BytesIO()
    PilImage.new("RGB", (300, 200), "olive").save(out, "HEIF", tile_size=128)
    data, content = out.getvalue(), grid_of(3, 2, 300, 200)
    assert content in data

    assert open_photo(data)[1].size == (300, 200)
    for size in ((17_000, 200), (9000, 9000)):
        with pytest.raises(TooLargeError):
            open_photo(data.replace(content, grid_of(3, 2, *size)))


def test_pictures_that_share_their_metadata_cost_no_memory():
    pictures = [PilImage.new("RGB", (64, 64), "olive") for _ in range(20)]
    exif = b"Exif\0\0MM\0*" + bytes(90)
    out = BytesIO()
    pictures[0].save(out, "HEIF", save_all=True, append_images=pictures[1:], exif=exif)
    data = out.getvalue()
    shared = box(b"free", bytes(10_000_000))
    for found in re.finditer(re.escape(exif[:8]), data):  # libheif puts 4 bytes before each
        place = struct.pack(">IH2I", found.start() - 4, 1, 0, 4 + len(exif))
        assert place in data
        data = data.replace(place, struct.pack(">IH2I", len(data) + 8, 1, 0, 10_000_000))

    outcomes, grown = decode_elsewhere(data + shared)

    assert outcomes == ["TooLargeError"]
    assert grown < 64_000_000


@pytest.mark.parametrize("second", [b"hvc1", b"mski", b"mime\0image/jpeg"])
def test_a_second_picture_is_refused_before_libheif_copies_for_it(second):
    pair = [(b"hvc1", 0), (second, 0)]

    with pytest.raises(TooLargeError, match="several pictures"):
        stated_sizes(file_of(pair, [(b"auxl", 2, 3)], {1: (64, 64), 2: (64, 64)}))


def test_metadata_that_shares_bytes_is_refused():
    many = [(b"hvc1", 0), *[(b"Exif", HIDDEN)] * 30]
    places = dict.fromkeys(range(2, 32), (0, 1000))

    with pytest.raises(TooLargeError, match="several times"):
        stated_sizes(file_of(many, sizes={1: (64, 64)}, places=places, idat=bytes(1000)))


@pytest.mark.parametrize(
    "data",
    [
        file_of([(b"hvc1", HIDDEN)] * 2001, sizes={1: (64, 64)}),
        file_of([(b"hvc1", 0)], [(b"cdsc", 1, *[1] * 1999)] * 6, {1: (64, 64)}),
        file_of([(b"hvc1", 0)], sizes={1: (64, 64)}, ipmas=[ipma(), *[ipma((1, 1))] * 4]),
    ],
)
def test_a_heic_of_endless_parts_is_refused(data):
    with pytest.raises(TooLargeError, match="too many parts"):
        stated_sizes(data)


@pytest.mark.parametrize("twice", [b"iinf", b"iloc", b"iprp"])
def test_a_heic_of_two_tables_is_refused(twice):
    with pytest.raises(BadImageError, match="twice"):
        stated_sizes(file_of([(b"hvc1", 0)], sizes={1: (64, 64)}, further=box(twice)))
