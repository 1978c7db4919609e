"""Photos for the load test with a known number of faces: one person on generated backgrounds.

The person is the NASA portrait with masks drawn on (`draw_people.py`). Scale, tilt, mirror,
light and position vary; faces stay larger than 48 px on the service's thumb and never overlap.
"""

import math
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

PEOPLE = Path(__file__).parent / "people"
REFERENCE = Path(__file__).parent / "reference.jpg"  # the same person's bare face
JPEG_QUALITY = 88
GRAIN_PX = 256  # drawn once and repeated


@dataclass(frozen=True)
class Scene:
    """Size and number of faces of a photo."""

    megapixels: float
    faces: int

    @property
    def name(self) -> str:
        """The name in Locust's table."""
        return f"{self.megapixels:g} MP, {self.faces} face{'s' if self.faces > 1 else ''}"


@dataclass(frozen=True)
class Photo:
    """A photo and what a correct answer must report."""

    file: bytes  # as sent
    width: int  # px
    height: int
    scene: Scene


SCENES = (
    *(Scene(0.3, faces) for faces in (1, 2)),  # more would be too small to detect
    *(Scene(2, faces) for faces in (1, 3, 4, 5, 6)),
    *(Scene(12, faces) for faces in (1, 2)),
)


def draw_photo(scene: Scene, rng: np.random.Generator) -> Photo:
    """Draws one photo; the same state of `rng` gives the same photo.

    Args:
        scene: size and number of faces.
        rng: source of the randomness.
    """
    columns = math.ceil(math.sqrt(scene.faces * 0.9))
    rows = math.ceil(scene.faces / columns)
    width, height = dimensions(scene)
    photo = _draw_background(width, height, rng)
    cell = (width // columns, height // rows)
    smallest = 0.5 if scene.faces == 1 else 0.85  # as a share of what fits into the cell
    for place in rng.permutation(columns * rows)[: scene.faces]:
        corner = (int(place) % columns * cell[0], int(place) // columns * cell[1])
        _put_person(photo, corner, cell, rng.uniform(smallest, 1.0), rng)
    file = BytesIO()
    photo.save(file, "JPEG", quality=JPEG_QUALITY)
    return Photo(file.getvalue(), width, height, scene)


def dimensions(scene: Scene) -> tuple[int, int]:
    """Width and height of the photos of a scene, px."""
    height = round(math.sqrt(scene.megapixels * 1e6 * 3 / 4))
    return round(height * 4 / 3), height


def _put_person(
    photo: Image.Image,
    corner: tuple[int, int],
    cell: tuple[int, int],
    share: float,
    rng: np.random.Generator,
) -> None:
    person = _people()[int(rng.integers(len(_people())))]
    if rng.random() < 0.5:
        person = ImageOps.mirror(person)
    # The corners that a tilt cuts off are transparent or chest. (In a large photo, tilting the
    # enlarged person would take most of the time.)
    person = _relight(person, rng).rotate(rng.uniform(-8, 8), Image.Resampling.BICUBIC)
    fit = min(cell[0] / person.width, cell[1] / person.height) * share
    size = (round(person.width * fit), round(person.height * fit))
    person = person.resize(size, Image.Resampling.BICUBIC)
    x = corner[0] + int(rng.integers(cell[0] - size[0] + 1))
    y = corner[1] + int(rng.integers(cell[1] - size[1] + 1))
    photo.paste(person, (x, y), person)


def _relight(person: Image.Image, rng: np.random.Generator) -> Image.Image:
    alpha = person.getchannel("A")
    colours = ImageEnhance.Brightness(person.convert("RGB")).enhance(rng.uniform(0.75, 1.15))
    colours = ImageEnhance.Color(colours).enhance(rng.uniform(0.6, 1.2))
    colours.putalpha(alpha)
    return colours


def _draw_background(width: int, height: int, rng: np.random.Generator) -> Image.Image:
    """A softly lit wall with some grain: nothing that looks like a face."""
    wall = rng.uniform(60, 200) + rng.normal(0, 20, 3) + rng.normal(0, 14, (3, 4, 3))
    light = Image.fromarray(np.clip(wall, 0, 255).astype(np.uint8))
    light = light.resize((width, height), Image.Resampling.BICUBIC)
    grain = rng.normal(0, 5, (GRAIN_PX, GRAIN_PX, 1)).astype(np.float32)
    grain = np.tile(grain, (height // GRAIN_PX + 1, width // GRAIN_PX + 1, 1))[:height, :width]
    lit = np.asarray(light) + grain
    return Image.fromarray(np.clip(lit, 0, 255, out=lit).astype(np.uint8))


@cache
def _people() -> tuple[Image.Image, ...]:
    paths = sorted(PEOPLE.glob("*.webp"))
    if not paths:
        raise FileNotFoundError(f"{PEOPLE} is empty: run `python loadtest/draw_people.py`")
    return tuple(Image.open(path).convert("RGBA") for path in paths)
