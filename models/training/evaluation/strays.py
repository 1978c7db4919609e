"""The detector's mistakes: boxes that nobody labelled, for people to judge, and missed faces."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from models.atomic_write import atomic_write
from models.crop.frame import shrunk
from models.pixels import Image
from models.training.crop.labels import read_scenes
from models.training.crop.score import LabelledFace, StrayBox
from models.training.crop.verdicts import COLUMNS, VerdictsError
from models.training.pictures import write_image
from models.training.sheets import contact_sheet

_TILE_PX = 160
_COLUMNS, _ROWS = 10, 8  # of a sheet
_MISSED = 20  # faces shown, like the twenty cases of the other sheets
_MARGIN = 0.7  # around the box, share of its longer side
_WORDS = {True: "face", False: "false", None: ""}

Place = tuple[str, ...]  # photo, x0, y0, x1, y1 as strays.csv has them


def words_of(out: Path) -> dict[Place, str]:
    """What people wrote into the column `verdict` of OUT/strays.csv; empty without such a file.

    Raises:
        VerdictsError: the file can't be read, so its verdicts would be lost.
    """
    path = out / "strays.csv"
    if not path.is_file():
        return {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:  # Excel writes a BOM
            rows = [row for row in csv.DictReader(file) if row["verdict"]]
        return {
            _place(row["photo"], [float(row[key]) for key in COLUMNS[1:5]]): row["verdict"]
            for row in rows
        }
    except (KeyError, ValueError, TypeError, csv.Error) as error:
        raise VerdictsError(
            f"{path} can't be read, so its verdicts would be lost: move it, or choose another "
            "folder for --out."
        ) from error


def write_strays(
    source: Path, strays: Sequence[StrayBox], out: Path, words: Mapping[Place, str]
) -> None:
    """Writes OUT/strays.csv, for people to add verdicts, and OUT/strays_N.jpg.

    Args:
        source: zip or folder with the photos.
        strays: best first; their index is on the sheet and in the file.
        out: folder.
        words: verdicts of an earlier list, see `words_of`. They go to the same boxes; those whose
            boxes weren't found again are kept at the end, without an index.
    """
    out.mkdir(parents=True, exist_ok=True)
    left = dict(words)
    with (
        atomic_write(out / "strays.csv") as part,
        part.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(("index", *COLUMNS, "score", "iou"))
        for index, s in enumerate(strays):
            place = _place(s.photo, s.box)
            word = words.get(place) or _WORDS[s.face]
            left.pop(place, None)
            writer.writerow((index, *place, word, f"{s.score:.3f}", f"{s.iou:.2f}"))
        writer.writerows(("", *place, word, "", "") for place, word in left.items())
    titles = [f"{index} {_found(stray)}" for index, stray in enumerate(strays)]
    tiles = _tiles(source, strays, titles)
    for sheet in [*out.glob("strays_*.jpg")]:  # an earlier run may have had more
        sheet.unlink()
    a_sheet = _COLUMNS * _ROWS
    for number, start in enumerate(range(0, len(tiles), a_sheet)):
        _write(out / f"strays_{number}.jpg", tiles[start : start + a_sheet])


def remove_missed(out: Path) -> None:
    """Removes the sheet of an earlier run. Its strays.csv stays: people write verdicts into it."""
    (out / "sheet_missed.jpg").unlink(missing_ok=True)


def write_missed(source: Path, missed: Sequence[LabelledFace], out: Path) -> None:
    """Writes OUT/sheet_missed.jpg, at most twenty faces with their surroundings; no file for none.

    Args:
        source: zip or folder with the photos.
        missed: worst first; the sheet shows score and IoU, see `LabelledFace`.
        out: folder.
    """
    remove_missed(out)
    shown = missed[:_MISSED]
    if shown:
        _write(out / "sheet_missed.jpg", _tiles(source, shown, [_found(face) for face in shown]))


def _place(photo: str, box: Sequence[float]) -> Place:
    return photo, *(f"{value:.1f}" for value in box)


def _found(box: StrayBox | LabelledFace) -> str:
    return f"{box.score:.2f} iou {box.iou:.1f}"


def _tiles(
    source: Path, boxes: Sequence[StrayBox | LabelledFace], titles: Sequence[str]
) -> list[Image]:
    photos = {picture.name: picture for picture in read_scenes(source)}
    return [
        _tile(photos[own.photo].decode(), own.box, (title, own.photo[-20:]))
        for own, title in zip(boxes, titles, strict=True)
    ]


def _write(path: Path, tiles: Sequence[Image]) -> None:
    rows = [tiles[i : i + _COLUMNS] for i in range(0, len(tiles), _COLUMNS)]
    write_image(path, contact_sheet(rows))


def _tile(photo: Image, corners: tuple[float, ...], lines: tuple[str, str]) -> Image:
    box = np.array(corners).reshape(2, 2)
    side = (1 + 2 * _MARGIN) * float((box[1] - box[0]).max())
    scale = _TILE_PX / max(side, 1.0)
    shift = _TILE_PX / 2 - scale * box.mean(axis=0)
    way = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]], np.float32)
    tile = cv2.warpAffine(*shrunk(photo, way), (_TILE_PX, _TILE_PX))
    low, high = np.round(box * scale + shift).astype(int).tolist()
    cv2.rectangle(tile, low, high, (0, 255, 0), 1)
    for line, y in zip(lines, (12, _TILE_PX - 5), strict=True):
        for width, colour in ((3, (0, 0, 0)), (1, (255, 255, 0))):
            cv2.putText(tile, line, (3, y), cv2.FONT_HERSHEY_SIMPLEX, 0.4, colour, width)
    return np.asarray(tile, np.uint8)
