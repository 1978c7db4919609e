"""The photos sent, each with a known number of faces."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from loadtest.http_client import encode_form
from loadtest.photos import Photo, Scene, draw_photo

PATH = "/v1/unmask"
FACES_HEADER = "x-faces-changed"  # the service and its peers send it with a picture
_SEED = 0


@dataclass(frozen=True)
class Workload:
    """Photos of one kind, and the requests that carry them."""

    name: str
    photos: tuple[Photo, ...]
    path: str = PATH
    headers: Mapping[str, str] = field(default_factory=dict)  # of each request

    @property
    def scene(self) -> Scene:
        """Of the drawn ones, which are all alike."""
        return self.photos[0].scene

    @cached_property
    def messages(self) -> tuple[bytes, ...]:
        """The requests, one per photo."""
        return tuple(self.request(photo) for photo in self.photos)

    def message(self, index: int) -> bytes:
        """The message of the request with this number; the photos take turns."""
        return self.messages[index % len(self.messages)]

    def request(self, photo: Photo, headers: Mapping[str, str] | None = None) -> bytes:
        """The request with a photo, with more headers if needed."""
        return encode_form(
            self.path, {"photo": photo.file}, headers={**self.headers, **(headers or {})}
        )

    def sent_to(self, url: str, headers: Mapping[str, str]) -> "Workload":
        """The same photos for the service at a URL: with its host, the path before the service's
        own, and these headers."""
        parts = urlsplit(url)
        sent = {"Host": parts.netloc, **headers}
        return replace(self, path=parts.path.rstrip("/") + PATH, headers=sent)

    def write(self, folder: Path) -> None:
        """Writes one file per photo into a new folder."""
        folder.mkdir()
        for number, photo in enumerate(self.photos):
            (folder / f"{number}.jpg").write_bytes(photo.file)


SCENES = {"W1": Scene(1, 1), "W2": Scene(12, 1), "W3": Scene(2, 6)}
MAIN = "W1"  # the workload that the goals are about
_PHOTOS = {"W1": 4, "W2": 2, "W3": 3}  # large ones take seconds to draw


def draw(names: Iterable[str]) -> list[Workload]:
    """The workloads with these names, the same on each call."""
    return [_draw(name) for name in names]


def _draw(name: str) -> Workload:
    rng = np.random.default_rng(_SEED)
    return Workload(name, tuple(draw_photo(SCENES[name], rng) for _ in range(_PHOTOS[name])))
