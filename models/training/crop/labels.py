"""What the detector learns from: pictures with a box and five points for each face."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from models.crop.frame import five_points
from models.pixels import Floats, Image, Landmarks
from models.training.sources import (
    SUFFIXES,
    NoSourceError,
    SourceError,
    decode,
    open_zip,
    read_encoded,
    source_path,
    to_labels,
)

# How far the boxes of scenes.zip extend beyond the 68 landmarks, in shares of the landmarks'
# height: medians over 1,327 faces that have both.
_ABOVE, _BELOW = 0.227, 0.062
_BOXES = "boxes.json"
_BARE = "without_mask"
# The teacher's points on masked faces: hidden ones are guesses, so they count less.
_TRUST_MASKED = (1.0, 1.0, 0.15, 0.05, 0.05)


@dataclass(frozen=True)
class Picture:
    """An encoded picture and its labelled faces."""

    name: str
    file: Path  # in a zip: the path continues inside it
    data: bytes
    boxes: Floats  # (N, 4) px
    points: Floats  # (N, 5, 2) px
    trust: Floats  # (N, 5) weight of each point; 0: unknown
    landmarks: Landmarks | None = None  # (68, 2) of the picture's only face, if bare
    masked: tuple[bool, ...] = ()  # of a scene: the faces that wear a mask, well or badly
    # (K, 4) px, of a scene: likely faces that nobody labelled, and false finds (no faces); see
    # unlabelled.py
    others: Floats = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    decoys: Floats = field(default_factory=lambda: np.zeros((0, 4), np.float32))

    @cached_property
    def image(self) -> Image:
        """RGB, uint8 (H, W, 3); kept decoded. Raises as `decode` does."""
        return self.decode()

    def decode(self) -> Image:
        """RGB, uint8 (H, W, 3).

        Raises:
            SourceError: the file is damaged.
        """
        return decode(self.data, self.file)


def is_held_back(name: str) -> bool:
    """Whether a picture belongs to the fifth that is never trained on, by a hash of its name."""
    return hashlib.sha256(Path(name).stem.encode()).digest()[0] % 5 == 0


def box_of(landmarks: Landmarks) -> Floats:
    """Box (4,) around 68 landmarks, extended to match the hand-drawn boxes of the scenes."""
    low, high = landmarks.min(axis=0), landmarks.max(axis=0)
    height = high[1] - low[1]
    return np.array([low[0], low[1] - _ABOVE * height, high[0], high[1] + _BELOW * height], "f4")


def is_plausible(points: Landmarks) -> bool:
    """Whether five points could be those of a face in frontal or half-profile view."""
    eyes, mouth = (points[0] + points[1]) / 2, (points[3] + points[4]) / 2
    down = mouth - eyes
    length = float(np.linalg.norm(down)) + 1e-6
    width = float(np.linalg.norm(points[1] - points[0])) / length
    nose = float((points[2] - eyes) @ down) / length**2
    # Left and right in the right order for a face that is upright or tilted.
    across = np.array([down[1], -down[0]]) / length
    ordered = (points[1] - points[0]) @ across > 0 and (points[4] - points[3]) @ across > 0
    return bool(ordered and 0.35 < width < 1.6 and 0.15 < nose < 0.9)


def scenes_path(folder: Path, name: str) -> Path:
    """`NAME.zip`, or else `NAME/`: photos with boxes.json, which `read_scenes` reads.

    Raises:
        NoSourceError: neither exists.
    """
    try:
        return source_path(folder, name)
    except NoSourceError:
        raise NoSourceError(
            f"{folder} has neither {name}.zip nor {name}/, which are whole photos: put them there "
            f"with a {_BOXES} that has the boxes of all faces, as docs/training.md says"
        ) from None


def points_path(folder: Path) -> Path | None:
    """Points of the faces in the folder's scenes, for `read_scenes`; None if there are none."""
    path = folder / "scenes_landmarks.npz"
    return path if path.exists() else None


def boxes_digest(source: Path, landmarks: Path | None = None) -> str:
    """sha256 of the labels of scenes: tells them from others whose photos have the same names.

    Args:
        source: as in `read_scenes`.
        landmarks: as in `read_scenes`.

    Raises:
        SourceError: it has no boxes.json, is a damaged zip, or the npz of points is damaged.
    """
    digest = hashlib.sha256(_boxes_of(source, dict(_files(source, _BOXES))))
    for name, points in (_landmarks_by_name(landmarks) if landmarks else {}).items():
        digest.update(name.encode())
        digest.update(points.tobytes())
    return digest.hexdigest()


def read_scenes(source: Path, landmarks: Path | None = None) -> list[Picture]:
    """Photos with boxes.json, from a zip or a folder.

    Args:
        source: `*.zip` or folder with pictures and `boxes.json`, name -> [{label, box}].
        landmarks: npz with name (N,) as `PHOTO/INDEX of the box` and landmarks (N, 68, 2); PHOTO
            with or without its suffix. Without it, no face has points.

    Raises:
        SourceError: there is no boxes.json, it isn't laid out like that, it names a photo that is
            missing, or two of one name, none of the points is for one of its boxes, or zip or npz
            is damaged.
    """
    known = _landmarks_by_name(landmarks) if landmarks else {}
    files = dict(_files(source))
    pictures, fit = [], False
    for name, faces in _to_boxes(source, files).items():
        file = name if name in files else f"{name}.webp"
        if file not in files:
            raise SourceError(f"{source} has no photo {name}, which its {_BOXES} names.")
        stem = _without_suffix(name)
        try:
            points = _points_of((file, name, stem), len(faces), known)
            pictures.append(_scene(stem, source / file, files[file], faces, points))
            fit = fit or any(own is not None for own in points)
        except (KeyError, TypeError, ValueError) as error:
            raise SourceError(
                f"{source}: {_BOXES} must have for {name} a list of faces like "
                '{"label": "with_mask", "box": [x0, y0, x1, y1]}.'
            ) from error
    if known and not fit:
        raise SourceError(
            f"{landmarks} has points of {min(known)} and others, but of no box of {source}: name "
            "each PHOTO/INDEX of the box, or delete the file to leave points out."
        )
    return pictures


def read_faces(
    folder: Path, source: str, are_masked: bool, refused: Set[str] = frozenset()
) -> list[Picture]:
    """Pictures of one face each, from a zip or a folder.

    Args:
        folder: holds the source as `models.training.sources` says.
        source: its name.
        are_masked: whether the faces wear masks; then implausible ones are left out.
        refused: SOURCE/NAME of faces that are left out.

    Raises:
        SourceError: see `read_encoded`.
    """
    pictures = []
    for name, file, data, points68 in read_encoded(folder, source):
        points = five_points(points68)
        if f"{source}/{name}" in refused or (are_masked and not is_plausible(points)):
            continue
        trust = _TRUST_MASKED if are_masked else (1.0,) * 5
        pictures.append(
            Picture(
                name,
                file,
                data,
                box_of(points68)[None],
                points[None],
                np.array([trust], np.float32),
                None if are_masked else points68,
            )
        )
    return pictures


def _boxes_of(source: Path, files: Mapping[str, bytes]) -> bytes:
    if _BOXES not in files:
        raise SourceError(
            f"{source} has no {_BOXES}, which has the boxes of the photos' faces: write one as "
            "docs/training.md says."
        )
    return files[_BOXES]


def _to_boxes(source: Path, files: Mapping[str, bytes]) -> dict[str, Any]:
    try:
        boxes = dict(json.loads(_boxes_of(source, files)))
    except (TypeError, ValueError) as error:
        raise SourceError(
            f"{source}: {_BOXES} can't be read ({error}): write it as docs/training.md says."
        ) from error
    twice = [name for name, count in Counter(map(_without_suffix, boxes)).items() if count > 1]
    if twice:
        raise SourceError(
            f"{source}: {_BOXES} has several photos {min(twice)}, but for their suffix: rename all "
            "but one, as verdicts and points go by the name."
        )
    return boxes


def _without_suffix(name: str) -> str:
    """Unlike `Path.stem`, leaves a name such as 2021.05.03 as it is."""
    path = Path(name)
    return path.stem if path.suffix.lower() in SUFFIXES else name


def _points_of(
    names: Sequence[str], count: int, known: Mapping[str, Landmarks]
) -> list[Landmarks | None]:
    """The 68 points of each box of a photo, under the first of its names that has some."""
    keys = ([f"{name}/{index}" for name in names] for index in range(count))
    return [next((known[key] for key in own if key in known), None) for own in keys]


def _scene(
    name: str,
    file: Path,
    data: bytes,
    faces: Sequence[dict[str, Any]],
    known: Sequence[Landmarks | None],
) -> Picture:
    count = len(faces)
    boxes = np.array([face["box"] for face in faces], np.float32).reshape(count, 4)
    points, trust = np.zeros((count, 5, 2), np.float32), np.zeros((count, 5), np.float32)
    for index, (face, points68) in enumerate(zip(faces, known, strict=True)):
        if points68 is None or not _agrees(points68, boxes[index]):
            continue
        points[index] = five_points(points68)
        bare = face["label"] == _BARE
        trust[index] = 1.0 if bare else _TRUST_MASKED
    masked = tuple(face["label"] != _BARE for face in faces)
    return Picture(name, file, data, boxes, points, trust, masked=masked)


def _agrees(points68: Landmarks, box: Floats) -> bool:
    guess = box_of(points68)
    common = np.minimum(guess[2:], box[2:]) - np.maximum(guess[:2], box[:2])
    overlap = float(np.clip(common, 0, None).prod())
    union = float((guess[2:] - guess[:2]).prod() + (box[2:] - box[:2]).prod()) - overlap
    return overlap > 0.55 * union and is_plausible(five_points(points68))


def _landmarks_by_name(path: Path) -> dict[str, Landmarks]:
    labels = to_labels(path.read_bytes(), path)
    pairs = zip(labels["name"], labels["landmarks"].astype(np.float32), strict=True)
    return {str(name): points for name, points in pairs}


def _files(source: Path, only: str = "") -> Iterator[tuple[str, bytes]]:
    """Names and contents of all files in a zip or folder, or only of those with one name."""
    if source.is_dir():
        for path in sorted(source.iterdir()):
            if path.is_file() and only in ("", path.name):
                yield path.name, path.read_bytes()
        return
    with open_zip(source) as archive:
        for member in archive.namelist():
            name = Path(member).name
            if not member.endswith("/") and only in ("", name):
                yield name, archive.read(member)
