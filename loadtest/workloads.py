"""The photos sent, each with a known number of faces."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from loadtest.http_client import encode_form
from loadtest.photos import DrawnPhoto, Scene, draw_photo

PATH = "/v1/unmask"
FACES_HEADER = "x-faces-changed"  # the service and its peers send it with a picture
_SEED = 0


@dataclass(frozen=True)
class Workload:
    """Photos of one kind, and the requests that carry them."""

    name: str
    scene: Scene
    photos: tuple[DrawnPhoto, ...]
    messages: tuple[bytes, ...]

    def message(self, index: int) -> bytes:
        """The message of the request with this number; the photos take turns."""
        return self.messages[index % len(self.messages)]

    def write(self, folder: Path) -> None:
        """Writes one file per photo into a new folder."""
        folder.mkdir()
        for number, photo in enumerate(self.photos):
            (folder / f"{number}.jpg").write_bytes(photo.jpeg)


SCENES = {"W1": Scene(1, 1), "W2": Scene(12, 1), "W3": Scene(2, 6)}
MAIN = "W1"  # the workload that the goals are about
_PHOTOS = {"W1": 4, "W2": 2, "W3": 3}  # large ones take seconds to draw


def draw(names: Iterable[str]) -> list[Workload]:
    """The workloads with these names, the same on each call."""
    return [_draw(name) for name in names]


def _draw(name: str) -> Workload:
    rng = np.random.default_rng(_SEED)
    photos = tuple(draw_photo(SCENES[name], rng) for _ in range(_PHOTOS[name]))
    messages = tuple(encode_form(PATH, {"photo": photo.jpeg}) for photo in photos)
    return Workload(name, SCENES[name], photos, messages)
