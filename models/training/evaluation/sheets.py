"""Contact sheets of an evaluation: the worst cases, and some random ones."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

from models.pixels import Image
from models.training.evaluation.bare import BareScore
from models.training.evaluation.folder import Case
from models.training.evaluation.large import SERVED, LargeScore
from models.training.evaluation.pairs import FOUND, PairScore
from models.training.evaluation.real import RealScore
from models.training.evaluation.swaps import SwapScore
from models.training.pictures import read_image, read_mask, write_image
from models.training.sheets import contact_sheet, with_mask

T = TypeVar("T")

_WORST, _RANDOM = 20, 24
_MARKS = ("psnr", "ssim", "hole_psnr", "sharpness", "detail")
_POINTS = "lips and jaw"
_TILE_PX = 256
_CASES_A_ROW = 2


def write_pair_sheets(cases: Sequence[Case], scores: Sequence[PairScore], out: Path) -> None:
    """The worst by each mark and some random ones: masked | found mask | result | truth.

    sheet_psnr.jpg and so on for the marks of `PictureMarks`, sheet_iou.jpg, sheet_random.jpg;
    sheet_landmarks.jpg: masked | truth with true points green and guessed ones red.
    """
    by_id = {case.id: case for case in cases}

    def tiles(score: PairScore) -> list[Image]:
        case = by_id[score.id]
        assert case.truth is not None
        masked = read_image(case.photo)
        found = read_mask(out / "mask" / f"{case.id}.png")
        result = read_image(out / "composite" / f"{case.id}.png")
        own = score.marks[FOUND]
        title = f"{score.id} {own.psnr:.1f} dB, sharp {own.sharpness:.2f}, IoU {score.iou:.2f}"
        return _titled([masked, with_mask(masked, found), result, read_image(case.truth)], title)

    def point_tiles(score: PairScore) -> list[Image]:
        pictures = [by_id[score.id].photo, out / "landmarks" / f"{score.id}.png"]
        title = f"{score.id} hidden lips and jaw {score.landmarks[_POINTS]:.3f}"
        return _titled([read_image(path) for path in pictures], title)

    for mark in _MARKS:
        _write_worst(out / f"sheet_{mark}.jpg", scores, _mark(mark), tiles)
    _write_worst(out / "sheet_iou.jpg", scores, lambda score: score.iou, tiles)
    known = [score for score in scores if _POINTS in score.landmarks]
    _write_worst(
        out / "sheet_landmarks.jpg", known, lambda score: -score.landmarks[_POINTS], point_tiles
    )
    drawn = np.random.default_rng(0).permutation(len(scores))[:_RANDOM]
    _write(out / "sheet_random.jpg", [scores[index] for index in sorted(drawn)], tiles)


def write_bare_sheet(cases: Sequence[Case], scores: Sequence[BareScore], out: Path) -> None:
    """sheet_bare.jpg, the worst landmarks of bare faces: face | true green, found red."""
    by_id = {case.id: case for case in cases}

    def tiles(score: BareScore) -> list[Image]:
        truth = by_id[score.id].truth
        assert truth is not None
        pictures = [read_image(truth), read_image(out / "bare" / f"{score.id}.png")]
        return _titled(pictures, f"{score.id} {score.view} {score.landmarks['all']:.3f}")

    known = [score for score in scores if score.landmarks]
    _write_worst(out / "sheet_bare.jpg", known, lambda s: -s.landmarks["all"], tiles)


def write_real_sheets(cases: Sequence[Case], scores: Sequence[RealScore], out: Path) -> None:
    """The worst real masks.

    sheet_real.jpg, by IoU: photo | true mask | found mask | result; sheet_residual.jpg, by
    what the judge still sees: photo | result | result with the cells that show a mask.
    """
    by_id = {case.id: case for case in cases}

    def tiles(score: RealScore) -> list[Image]:
        case = by_id[score.id]
        photo, found = read_image(case.photo), read_mask(out / "real" / f"{case.id}.png")
        truth = with_mask(photo, read_mask(case.mask), (0, 160, 255))
        result = read_image(out / "real_painted" / f"{case.id}.png")
        title = f"{score.id} IoU {score.iou:.2f}"
        return _titled([photo, truth, with_mask(photo, found), result], title)

    def remains(score: RealScore) -> list[Image]:
        folders = ("real_painted", "residual")
        pictures = [read_image(out / name / f"{score.id}.png") for name in folders]
        photo = read_image(by_id[score.id].photo)
        return _titled([photo, *pictures], f"{score.id} judge {score.sights['painted']:.2f}")

    _write_worst(out / "sheet_real.jpg", scores, lambda score: score.iou, tiles)
    seen = [score for score in scores if score.sights]
    _write_worst(out / "sheet_residual.jpg", seen, lambda s: -s.sights["painted"], remains)


def write_swap_sheet(cases: Sequence[Case], scores: Sequence[SwapScore], out: Path) -> None:
    """sheet_swap.jpg, the worst by hole PSNR: masked | swapped | truth | reference."""
    by_id = {case.id: case for case in cases}

    def tiles(score: SwapScore) -> list[Image]:
        case = by_id[score.id]
        assert case.truth is not None
        assert case.reference is not None
        result = out / "swap" / f"{case.id}.png"
        pictures = [read_image(p) for p in (case.photo, result, case.truth, case.reference)]
        gain = f"{_swap_psnr(score):.1f} dB" if score.marks else "not swapped"
        return _titled(pictures, f"{score.id} {gain}")

    _write_worst(out / "sheet_swap.jpg", scores, _swap_psnr, tiles)


def write_large_sheet(cases: Sequence[Case], scores: Sequence[LargeScore], out: Path) -> None:
    """sheet_large.jpg, the least sharp large faces at the mask: enlarged | served | truth."""
    by_id = {case.id: case for case in cases}

    def tiles(score: LargeScore) -> list[Image]:
        case = by_id[score.id]
        assert case.truth is not None
        x, y, width, height = cv2.boundingRect(read_mask(case.mask).astype(np.uint8))
        paths = (out / "large_bicubic" / f"{case.id}.png", out / "large" / f"{case.id}.png")
        pictures = [read_image(path) for path in (*paths, case.truth)]
        parts = [picture[y : y + height, x : x + width] for picture in pictures]
        return _titled(parts, f"{score.id} sharp {score.marks[SERVED].sharpness:.2f}")

    _write_worst(out / "sheet_large.jpg", scores, lambda s: s.marks[SERVED].sharpness, tiles)


def _swap_psnr(score: SwapScore) -> float:
    return score.marks.swapped_hole_psnr if score.marks else 0.0


def _mark(name: str) -> Callable[[PairScore], float]:
    return lambda score: float(getattr(score.marks[FOUND], name))


def _write_worst(
    path: Path,
    scores: Sequence[T],
    key: Callable[[T], float],
    tiles: Callable[[T], list[Image]],
) -> None:
    """A sheet of the cases with the lowest `key`."""
    _write(path, sorted(scores, key=key)[:_WORST], tiles)


def _write(path: Path, scores: Sequence[T], tiles: Callable[[T], list[Image]]) -> None:
    if not scores:
        path.unlink(missing_ok=True)  # of an earlier run
        return
    groups = [scores[i : i + _CASES_A_ROW] for i in range(0, len(scores), _CASES_A_ROW)]
    rows = [[tile for score in group for tile in tiles(score)] for group in groups]
    write_image(path, contact_sheet(rows))


def _titled(pictures: Sequence[Image], title: str) -> list[Image]:
    size = (_TILE_PX, _TILE_PX)
    tiles = [cv2.resize(picture, size, interpolation=cv2.INTER_AREA) for picture in pictures]
    for width, colour in ((3, (0, 0, 0)), (1, (255, 255, 255))):
        cv2.putText(tiles[0], title, (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.42, colour, width)
    return [np.asarray(tile, np.uint8) for tile in tiles]
