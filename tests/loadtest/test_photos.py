from io import BytesIO

import cv2
import numpy as np
import pytest
from PIL import Image

from loadtest import photos
from loadtest.photos import PEOPLE, SCENES, Scene, draw_photo


def decode(jpeg: bytes) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(jpeg)).convert("RGB")).astype(int)


@pytest.fixture
def magenta_disc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draws discs instead of people, so that they can be counted."""
    y, x = np.mgrid[-1:1:200j, -1:1:200j]
    disc = np.zeros((200, 200, 4), np.uint8)
    disc[x**2 + y**2 < 0.9] = (255, 0, 255, 255)
    monkeypatch.setattr(photos, "_people", lambda: (Image.fromarray(disc),))


@pytest.mark.usefixtures("magenta_disc")
@pytest.mark.parametrize("faces", [1, 2, 3, 4, 6])
def test_a_photo_shows_exactly_its_number_of_people(faces: int) -> None:
    for seed in range(5):
        photo = draw_photo(Scene(0.3, faces), np.random.default_rng(seed))
        red, green, blue = np.moveaxis(decode(photo.file), -1, 0)
        disc = ((red - green > 90) & (blue - green > 90)).astype(np.uint8)
        areas = cv2.connectedComponentsWithStats(disc)[2][1:, cv2.CC_STAT_AREA]
        assert (areas > 1000).sum() == faces


@pytest.mark.parametrize("scene", SCENES[:4], ids=lambda scene: scene.name)
def test_a_photo_has_the_size_it_says(scene: Scene) -> None:
    photo = draw_photo(scene, np.random.default_rng(0))

    assert decode(photo.file).shape == (photo.height, photo.width, 3)
    assert photo.width * photo.height == pytest.approx(scene.megapixels * 1e6, rel=0.01)


def test_the_same_seed_draws_the_same_photo() -> None:
    first, same, other = (
        draw_photo(SCENES[1], np.random.default_rng(seed)).file for seed in (7, 7, 8)
    )
    assert first == same != other


def test_the_people_wear_masks_of_many_kinds_in_little_space() -> None:
    files = list(PEOPLE.glob("*.webp"))

    assert len(files) >= 9
    assert sum(file.stat().st_size for file in files) < 300_000
