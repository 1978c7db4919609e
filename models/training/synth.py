"""Triples of masked face, truth and mask, made by drawing masks on bare faces.

They are laid out for `mask2face evaluate`: see `models.training.evaluation.folder`.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import numpy as np

from models.crop.frame import crop_face, fit_frame, five_points, transform
from models.pixels import Image, Landmarks, Mask
from models.training.drawing import KINDS, wear_mask
from models.training.pictures import write_image, write_landmarks, write_mask
from models.training.sheets import contact_sheet

COLUMNS = ("id", "source", "mask_kind", "hole_fraction")


@dataclass(frozen=True)
class Subject:
    """A picture of a bare face."""

    name: str
    source: str
    image: Image
    landmarks: Landmarks  # (68, 2) px
    labelled: bool = False  # whether these are ground truth


@dataclass(frozen=True)
class Triple:
    masked: Image
    mask: Mask  # every pixel of the mask and its straps
    kind: str


def draw_triple(subject: Subject, kinds: Sequence[str], rng: np.random.Generator) -> Triple:
    """Draws a mask of a random kind on the face of a picture."""
    kind = kinds[int(rng.integers(len(kinds)))]
    worn = wear_mask(subject.image, subject.landmarks, rng, kind, independent_outline=False)
    return Triple(worn.image, worn.mask, kind)


@dataclass
class TripleFolder:
    """Writes triples into a folder, each with its row of index.csv: may be stopped any time.

    Without a triple it leaves nothing behind.
    """

    path: Path
    _points: dict[str, Landmarks] = field(default_factory=dict)
    _empty: bool = True

    def __enter__(self) -> "TripleFolder":
        self._made = not self.path.exists()
        self.path.mkdir(parents=True, exist_ok=True)
        # "x" refuses a folder that already holds triples.
        self._file = (self.path / "index.csv").open("x", newline="", buffering=1)
        self._rows = csv.DictWriter(self._file, COLUMNS)
        self._rows.writeheader()
        return self

    def add(self, subject: Subject, triple: Triple) -> None:
        """Writes masked/, truth/ and mask/ of one picture, losslessly."""
        name = subject.name.replace("/", "_")
        write_image(self.path / "masked" / f"{name}.png", triple.masked)
        write_image(self.path / "truth" / f"{name}.png", subject.image)
        write_mask(self.path / "mask" / f"{name}.png", triple.mask)
        values = (name, subject.source, triple.kind, f"{triple.mask.mean():.4f}")
        self._rows.writerow(dict(zip(COLUMNS, values, strict=True)))
        self._empty = False
        if subject.labelled:
            self._points[name] = subject.landmarks

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        if self._empty:  # a lone header would look like triples, and block the folder
            (self.path / "index.csv").unlink()
            if self._made and not any(self.path.iterdir()):
                self.path.rmdir()
        if self._points:
            write_landmarks(self.path / "landmarks.npz", self._points)


def draw_kinds(subjects: Sequence[Subject], kinds: Sequence[str] = KINDS, seed: int = 0) -> Image:
    """A contact sheet: one row per kind, one column per picture."""
    faces = []
    for subject in subjects:
        frame = fit_frame(five_points(subject.landmarks))
        faces.append((crop_face(subject.image, frame), transform(subject.landmarks, frame)))
    rows = []
    for row, kind in enumerate(kinds):
        rngs = [np.random.default_rng((seed, row, column)) for column in range(len(faces))]
        worn = [
            wear_mask(face, points, rng, kind, independent_outline=False)
            for (face, points), rng in zip(faces, rngs, strict=True)
        ]
        rows.append([one.image for one in worn])
    return contact_sheet(rows)
