"""Contact sheets of an evaluation: the worst cases, and some at random."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

from models.pixels import Image
from models.training.evaluation.folder import Case, read_image, read_mask, write_image
from models.training.evaluation.pairs import PairScore
from models.training.evaluation.real import RealScore
from models.training.evaluation.swaps import SwapScore
from models.training.sheets import contact_sheet, with_mask

T = TypeVar("T")

_WORST, _RANDOM = 20, 24
_TILE_PX = 256
_CASES_A_ROW = 2


def write_pair_sheets(cases: Sequence[Case], scores: Sequence[PairScore], out: Path) -> None:
    """sheet_psnr.jpg, sheet_iou.jpg, sheet_random.jpg: masked | found mask | result | truth."""
    by_id = {case.id: case for case in cases}

    def tiles(score: PairScore) -> list[Image]:
        case = by_id[score.id]
        assert case.truth is not None
        masked = read_image(case.photo)
        found = read_mask(out / "mask" / f"{case.id}.png")
        result = read_image(out / "composite" / f"{case.id}.png")
        title = f"{score.id} {score.marks['found mask'].psnr:.1f} dB, IoU {score.iou:.2f}"
        return _titled([masked, with_mask(masked, found), result, read_image(case.truth)], title)

    by_psnr = sorted(scores, key=lambda score: score.marks["found mask"].psnr)
    _write(out / "sheet_psnr.jpg", by_psnr[:_WORST], tiles)
    _write(out / "sheet_iou.jpg", sorted(scores, key=lambda s: s.iou)[:_WORST], tiles)
    drawn = np.random.default_rng(0).permutation(len(scores))[:_RANDOM]
    _write(out / "sheet_random.jpg", [scores[index] for index in sorted(drawn)], tiles)


def write_real_sheet(cases: Sequence[Case], scores: Sequence[RealScore], out: Path) -> None:
    """sheet_real.jpg, the worst by IoU: photo | true mask | found mask."""
    by_id = {case.id: case for case in cases}

    def tiles(score: RealScore) -> list[Image]:
        case = by_id[score.id]
        photo, found = read_image(case.photo), read_mask(out / "real" / f"{case.id}.png")
        truth = with_mask(photo, read_mask(case.mask), (0, 160, 255))
        return _titled([photo, truth, with_mask(photo, found)], f"{score.id} IoU {score.iou:.2f}")

    _write(out / "sheet_real.jpg", sorted(scores, key=lambda s: s.iou)[:_WORST], tiles)


def write_swap_sheet(cases: Sequence[Case], scores: Sequence[SwapScore], out: Path) -> None:
    """sheet_swap.jpg, the worst by PSNR of the hole: masked | swapped | truth | reference."""
    by_id = {case.id: case for case in cases}

    def tiles(score: SwapScore) -> list[Image]:
        case = by_id[score.id]
        assert case.truth is not None
        assert case.reference is not None
        result = out / "swap" / f"{case.id}.png"
        pictures = [read_image(p) for p in (case.photo, result, case.truth, case.reference)]
        gain = f"{_swap_psnr(score):.1f} dB" if score.marks else "not swapped"
        return _titled(pictures, f"{score.id} {gain}")

    _write(out / "sheet_swap.jpg", sorted(scores, key=_swap_psnr)[:_WORST], tiles)


def _swap_psnr(score: SwapScore) -> float:
    return score.marks.swapped_hole_psnr if score.marks else 0.0


def _write(path: Path, scores: Sequence[T], tiles: Callable[[T], list[Image]]) -> None:
    if not scores:
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
