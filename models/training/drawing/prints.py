"""What is printed on cloth: repeating patterns and single motifs, as square tiles."""

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from models.training.drawing.sheet import Colours, smooth_noise

_Grid = npt.NDArray[np.float32]
Colour = npt.NDArray[np.float32]  # (3,), 0..1


def any_colour(rng: np.random.Generator) -> Colour:
    """A colour that cloth can have: any hue, often muted, sometimes black or white."""
    hue, sort = rng.uniform(0, 6), rng.random()
    wheel = np.clip(np.abs((hue + np.array([0.0, 4.0, 2.0])) % 6 - 3) - 1, 0, 1)
    saturation = rng.uniform(0.0, 0.12) if sort < 0.25 else rng.beta(1.4, 1.9)
    value = rng.beta(1.1, 1.0) * 0.9 + 0.06
    return np.asarray(value * (1 - saturation * (1 - wheel)), np.float32)


def make_pattern(rng: np.random.Generator, side: int, ground: Colour) -> Colours:
    """A repeating pattern, float32 (side, side, 3), 0..1."""
    draw = _PATTERNS[int(rng.integers(len(_PATTERNS)))]
    return draw(rng, side, ground)


def make_picture(rng: np.random.Generator, side: int, ground: Colour) -> Colours:
    """One motif around the mouth, float32 (side, side, 3), 0..1."""
    draw = _PICTURES[int(rng.integers(len(_PICTURES)))]
    return draw(rng, side, ground)


def make_mark(rng: np.random.Generator, side: int, ground: Colour) -> Colours:
    """Plain cloth with one emblem or word, float32 (side, side, 3), 0..1."""
    return (_badge if rng.random() < 0.5 else _letters)(rng, side, ground)


def other_colour(rng: np.random.Generator, ground: Colour) -> Colour:
    """A colour that stands out from the ground."""
    for _ in range(4):
        colour = any_colour(rng)
        if np.abs(colour - ground).max() > 0.25:
            return colour
    return np.asarray(np.where(ground.mean() > 0.5, ground * 0.4, 1 - (1 - ground) * 0.4))


def _grid(side: int, angle: float = 0.0) -> tuple[_Grid, _Grid]:
    line = np.linspace(-1, 1, side, dtype=np.float32)
    c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return line * c + line[:, None] * s, line[:, None] * c - line * s


def _mix(weight: _Grid, one: Colours | Colour, other: Colours | Colour) -> Colours:
    return np.asarray(other + weight[..., None] * (one - other), np.float32)


def _crisp(rng: np.random.Generator, wave: _Grid, cut: float = 0.0) -> _Grid:
    return np.asarray(np.clip((wave - cut) * rng.uniform(3, 12) + 0.5, 0, 1), np.float32)


def _stripes(rng: np.random.Generator, side: int, ground: Colour) -> Colours:
    angle = rng.choice([0.0, np.pi / 2, rng.uniform(0, np.pi)])
    x, y = _grid(side, float(angle))
    bent = rng.uniform(0, 0.06) * np.sin(y * rng.uniform(2, 20))  # zigzags and waves
    wave = np.sin((x + bent) * rng.uniform(8, 60))
    sheet = _mix(_crisp(rng, wave, rng.uniform(-0.6, 0.6)), other_colour(rng, ground), ground)
    if rng.random() < 0.4:
        thin = np.sin((x + bent) * rng.uniform(8, 60) + 1)
        sheet = _mix(_crisp(rng, thin, 0.7), other_colour(rng, ground), sheet)
    return sheet


def _plaid(rng: np.random.Generator, side: int, ground: Colour) -> Colours:
    x, y = _grid(side, float(rng.choice([0.0, np.pi / 4, rng.uniform(-0.2, 0.2)])))
    sheet = np.full((side, side, 3), ground, np.float32)
    for _ in range(int(rng.integers(1, 4))):
        colour, rate = other_colour(rng, ground), rng.uniform(6, 45)
        cut, weight, phase = rng.uniform(-0.3, 0.8), rng.uniform(0.35, 0.8), rng.uniform(0, 6)
        for axis in (x, y):
            sheet = _mix(weight * _crisp(rng, np.sin(axis * rate + phase), cut), colour, sheet)
    return np.asarray(sheet, np.float32)


def _dots(rng: np.random.Generator, side: int, ground: Colour) -> Colours:
    x, y = _grid(side, float(rng.choice([0.0, np.pi / 4, rng.uniform(0, np.pi)])))
    rate = rng.uniform(9, 45)
    wave = np.cos(x * rate) * np.cos(y * rate * rng.uniform(0.8, 1.25))
    cut = rng.uniform(-0.1, 0.85)
    dots = _crisp(rng, np.abs(wave) if rng.random() < 0.5 else wave, cut)
    sheet = _mix(dots, other_colour(rng, ground), ground)
    if rng.random() < 0.3:
        inner = _crisp(rng, wave, (1 + cut) / 2)
        sheet = _mix(inner, other_colour(rng, ground), sheet)
    return sheet


def _blotches(rng: np.random.Generator, side: int, ground: Colour) -> Colours:
    """Camouflage, marble, batik: level sets of smooth noise."""
    sheet: Colours | Colour = ground
    stretch = rng.uniform(0.4, 2.5)
    for _ in range(int(rng.integers(1, 5))):
        cells = float(np.exp(rng.uniform(np.log(4), np.log(40))))
        noise = smooth_noise(rng, (int(cells * stretch), int(cells / stretch)), (side, side))
        if rng.random() < 0.3:
            noise = np.float32(0.3) - np.abs(noise)  # lines instead of spots
        sheet = _mix(_crisp(rng, noise, rng.uniform(-0.1, 0.4)), other_colour(rng, ground), sheet)
    return np.asarray(sheet, np.float32)


def _dyed(rng: np.random.Generator, side: int, ground: Colour) -> Colours:
    """Tie-dye, galaxies, watercolour: many smooth colours."""
    sheet = np.full((side, side, 3), ground, np.float32)
    for cells in (3, 6, 12, 24):
        weight = rng.uniform(0.05, 0.45) / np.sqrt(cells)
        sheet = sheet + weight * smooth_noise(rng, (cells, cells), (side, side), 3)
    return np.asarray(np.clip(sheet, 0.02, 0.98), np.float32)


def _heather(rng: np.random.Generator, side: int, ground: Colour) -> Colours:
    """Knit and denim: short threads of two shades."""
    rows, columns = (side // 2, side // 6) if rng.random() < 0.5 else (side // 5, side // 2)
    noise = 0.5 + 0.5 * smooth_noise(rng, (rows, columns), (side, side))
    return _mix(np.clip(noise, 0, 1), ground, ground * rng.uniform(0.5, 1.5))


def _canvas(side: int, ground: Colour) -> npt.NDArray[np.uint8]:
    """A canvas for OpenCV, which draws smooth edges and text on 8 bits only."""
    return np.full((side, side, 3), _ink(ground), np.uint8)


def _ink(colour: Colour) -> tuple[int, int, int]:
    red, green, blue = (int(part) for part in np.clip(colour * 255, 0, 255))
    return red, green, blue


def _done(canvas: npt.NDArray[np.uint8]) -> Colours:
    return np.asarray(canvas / np.float32(255), np.float32)


def _flowers(rng: np.random.Generator, side: int, ground: Colour) -> Colours:
    """Petals, leaves and sprigs scattered over the cloth."""
    sheet = _canvas(side, ground)
    colours = [_ink(other_colour(rng, ground)) for _ in range(4)]
    size = side * rng.uniform(0.02, 0.07)
    petals = int(rng.integers(3, 8))
    for x, y in rng.uniform(0, side, (int(rng.integers(20, 70)), 2)):
        colour, turn = colours[int(rng.integers(3))], rng.uniform(0, 360)
        for petal in range(petals):
            angle = np.radians(turn + petal * 360 / petals)
            centre = (int(x + size * np.cos(angle)), int(y + size * np.sin(angle)))
            axes = (max(1, int(size * 0.7)), max(1, int(size * 0.4)))
            cv2.ellipse(sheet, centre, axes, float(np.degrees(angle)), 0, 360, colour, -1)
        cv2.circle(sheet, (int(x), int(y)), max(1, int(size * 0.45)), colours[3], -1)
    return _done(sheet)


def _letters(rng: np.random.Generator, side: int, ground: Colour) -> Colours:
    """Words, logos, all-over letters."""
    sheet = _canvas(side, ground)
    colour = _ink(other_colour(rng, ground))
    for _ in range(int(rng.choice([1, 2, 2, 5]))):
        word = "".join(map(chr, rng.integers(65, 91, int(rng.integers(2, 7)))))
        scale = side / 200 * rng.uniform(0.3, 1.1)
        place = (int(rng.uniform(0.05, 0.7) * side), int(rng.uniform(0.4, 0.95) * side))
        thick = max(1, round(scale * rng.uniform(1, 3)))
        font = int(rng.integers(8))
        cv2.putText(sheet, word, place, font, scale, colour, thick, cv2.LINE_AA)
    return _done(sheet)


def _smile(rng: np.random.Generator, side: int, ground: Colour) -> Colours:
    """A drawn mouth: lips, teeth, a grin, sometimes whiskers."""
    sheet = _canvas(side, ground)
    centre = (side // 2, int(side * rng.uniform(0.55, 0.72)))
    axes = (int(side * rng.uniform(0.12, 0.32)), int(side * rng.uniform(0.05, 0.16)))
    colour = _ink(other_colour(rng, ground))
    thick = max(1, int(side * rng.uniform(0.01, 0.04)))
    if rng.random() < 0.5:
        cv2.ellipse(sheet, centre, axes, 0, 0, 180, colour, thick, cv2.LINE_AA)
    else:
        cv2.ellipse(sheet, centre, axes, 0, 0, 360, colour, -1, cv2.LINE_AA)
        inner = (int(axes[0] * 0.85), int(axes[1] * 0.6))
        cv2.ellipse(sheet, centre, inner, 0, 0, 360, (237, 234, 224), -1, cv2.LINE_AA)
        for x in np.linspace(-inner[0], inner[0], int(rng.integers(4, 10))):
            low, high = centre[1] - inner[1] // 2, centre[1] + inner[1] // 2
            cv2.line(sheet, (int(centre[0] + x), low), (int(centre[0] + x), high), colour, 1)
    return _done(sheet)


def _bands(rng: np.random.Generator, side: int, ground: Colour) -> Colours:
    """Flags and blocks of colour."""
    axis = _grid(side, float(rng.choice([0.0, np.pi / 2, rng.uniform(0, np.pi)])))[0]
    cuts = np.sort(rng.uniform(-0.8, 0.8, int(rng.integers(1, 4))))
    sheet: Colours | Colour = ground
    for cut in cuts:
        sheet = _mix(np.clip((axis - cut) * side / 2, 0, 1), other_colour(rng, ground), sheet)
    return np.asarray(sheet, np.float32)


def _badge(rng: np.random.Generator, side: int, ground: Colour) -> Colours:
    """One emblem on plain cloth."""
    sheet = _canvas(side, ground)
    colour = _ink(other_colour(rng, ground))
    size = side * rng.uniform(0.025, 0.1)
    centre = side * rng.uniform(0.3, 0.7, 2)
    spokes = int(rng.integers(3, 40))  # many: a disc
    angle = np.arange(2 * spokes) * np.pi / spokes
    radius = np.where(np.arange(2 * spokes) % 2, size, size * rng.uniform(0.4, 1))
    star = centre + radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    cv2.fillPoly(sheet, [star.astype(np.int32)], colour, cv2.LINE_AA)
    return _done(sheet)


_Draw = Callable[[np.random.Generator, int, Colour], Colours]
_PATTERNS: tuple[_Draw, ...] = (_stripes, _plaid, _dots, _blotches, _dyed, _heather, _flowers)
_PICTURES: tuple[_Draw, ...] = (_letters, _smile, _bands, _badge, _flowers)
