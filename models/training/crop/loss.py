"""Which cells predict which face, and the cost of their errors."""

from dataclasses import dataclass

import torch
from torch.nn import functional as F

from models.crop.net import STRIDES, Candidates, cell_centres

# Sides of the faces, px, that each stride predicts; faces near a border get two strides.
_BORDERS = (0.0, 40.0, 110.0, 300.0, float("inf"))
_OVERLAP = 1.25
_CORE = 0.25  # cells within this share of a face's sides around its centre predict it
_BOX_WEIGHT, _POINT_WEIGHT = 2.0, 12.0


@dataclass(frozen=True)
class Targets:
    """Faces of a batch, padded to one number per picture."""

    boxes: torch.Tensor  # (B, M, 4) px
    points: torch.Tensor  # (B, M, 5, 2) px
    trust: torch.Tensor  # (B, M, 5)
    counts: torch.Tensor  # (B, M) bool: a face to be found
    ignored: torch.Tensor  # (B, M) bool: neither face nor background


@dataclass(frozen=True)
class Cells:
    """The grids of all strides as one list."""

    centres: torch.Tensor  # (N, 2) px
    strides: torch.Tensor  # (N,)
    low: torch.Tensor  # (N,) smallest side that a cell predicts, px
    high: torch.Tensor  # (N,)


def cells_of(size: int, device: torch.device) -> Cells:
    """The cells of a square input of `size` px, in the order of the net's candidates."""
    centres = [cell_centres(size, size, stride, device) for stride in STRIDES]
    counts = torch.tensor([len(c) for c in centres], device=device)

    def spread(values: tuple[float, ...]) -> torch.Tensor:
        return torch.tensor(values, device=device).repeat_interleave(counts)

    low, high = _BORDERS[:-1], _BORDERS[1:]
    return Cells(torch.cat(centres), spread(tuple(map(float, STRIDES))), spread(low), spread(high))


def assign(targets: Targets, cells: Cells) -> tuple[torch.Tensor, torch.Tensor]:
    """The face that each cell predicts.

    Returns:
        Index of the face, int64 (B, N), -1 for none; and whether the cell counts in the loss,
        bool (B, N).
    """
    boxes = targets.boxes[:, None]  # (B, 1, M, 4)
    centres = cells.centres[None, :, None]  # (1, N, 1, 2)
    sides = boxes[..., 2:] - boxes[..., :2]
    size = sides.clamp(min=1e-3).prod(-1).sqrt()  # (B, 1, M)
    low, high = cells.low[None, :, None] / _OVERLAP, cells.high[None, :, None] * _OVERLAP
    core = torch.maximum(_CORE * sides, 0.75 * cells.strides[None, :, None, None])
    off = (centres - (boxes[..., :2] + boxes[..., 2:]) / 2).abs()
    fits = (off <= core).all(-1) & (size >= low) & (size < high) & targets.counts[:, None]
    # If several faces claim a cell, the smallest gets it.
    smallest, index = torch.where(fits, size, float("inf")).min(dim=-1)
    index = torch.where(smallest.isfinite(), index, -1)
    within = ((centres > boxes[..., :2]) & (centres < boxes[..., 2:])).all(-1)
    hidden = (within & targets.ignored[:, None]).any(-1)
    return index, (index >= 0) | ~hidden


def detection_loss(
    found: Candidates, targets: Targets, cells: Cells
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Loss of a batch, and its parts for the log.

    Quality focal loss for the score (Li et al., 2020, https://arxiv.org/abs/2006.04388),
    generalised IoU for the box, smooth L1 in shares of the face's side for the points.
    """
    index, counted = assign(targets, cells)
    batch, cell = torch.nonzero(index >= 0, as_tuple=True)
    face = index[batch, cell]
    boxes = targets.boxes[batch, face]
    overlap, giou = _overlaps(found.boxes[batch, cell], boxes)
    quality = torch.zeros_like(found.logits)
    quality[batch, cell] = overlap.detach().clamp(min=0.05)
    count = max(1, len(face))
    score = _focal(found.logits, quality, counted).sum() / count
    box = (1 - giou).sum() / count
    side = (boxes[:, 2:] - boxes[:, :2]).prod(-1).sqrt()[:, None, None]
    trust = targets.trust[batch, face]
    off = (found.points[batch, cell] - targets.points[batch, face]) / side
    error = F.smooth_l1_loss(off, torch.zeros_like(off), beta=0.02, reduction="none").mean(-1)
    points = (error * trust).sum() / trust.sum().clamp(min=1.0)
    total = score + _BOX_WEIGHT * box + _POINT_WEIGHT * points
    parts = {"loss": total, "score": score, "box": box, "points": points}
    return total, {name: part.detach() for name, part in parts.items()}


def _focal(logits: torch.Tensor, quality: torch.Tensor, counted: torch.Tensor) -> torch.Tensor:
    weight = (logits.detach().sigmoid() - quality).abs() ** 2
    loss = F.binary_cross_entropy_with_logits(logits, quality, reduction="none")
    return loss * weight * counted


def _overlaps(boxes: torch.Tensor, truth: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """IoU and generalised IoU of pairs of boxes, each (K,)."""
    low = torch.maximum(boxes[:, :2], truth[:, :2])
    high = torch.minimum(boxes[:, 2:], truth[:, 2:])
    common = (high - low).clamp(min=0).prod(-1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(-1) + (truth[:, 2:] - truth[:, :2]).prod(-1)
    union = (areas - common).clamp(min=1e-6)
    outer_low = torch.minimum(boxes[:, :2], truth[:, :2])
    outer_high = torch.maximum(boxes[:, 2:], truth[:, 2:])
    outer = (outer_high - outer_low).prod(-1).clamp(min=1e-6)
    iou = common / union
    return iou, iou - (outer - union) / outer
