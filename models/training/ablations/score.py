"""Marks of a trained row: on held-back faces with drawn masks, and on outlined real masks."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from models.mask.unet import UNet
from models.pipeline import Options
from models.pixels import Image, masks_to_tensor, to_images, to_tensor
from models.stages import load_models
from models.training.drawing import KINDS, wear_mask
from models.training.evaluation.folder import Case, EvalFolderError, read_real
from models.training.evaluation.marks import compare, mask_iou
from models.training.evaluation.pairs import found_mask
from models.training.evaluation.service import Service
from models.training.frames import Faces
from models.training.inpaint.task import InpaintTask
from models.training.jitter import cut, jittered_frame
from models.training.pictures import read_mask
from models.training.samples import Sample, draw_sample
from models.training.sheets import with_mask

SHOWN = 8  # pictures of a row on the sheet
_CHUNK = 16  # pictures at once
LOWER_IS_BETTER = ("BCE",)

Marks = dict[str, float]


@dataclass(frozen=True)
class Scored:
    marks: Marks
    given: list[Image]  # the net's input
    truth: list[Image]
    made: list[Image]


@torch.inference_mode()
def score_editor(
    task: InpaintTask, net: torch.nn.Module, faces: Faces, count: int, size: int
) -> Scored:
    """Paints faces under drawn outlines, the same ones for each net.

    Args:
        task: draws the lines to paint along, as the service does.
        net: the generator.
        faces: not used for training.
        count: number of pictures.
        size: side of the pictures, px.
    """
    rng = np.random.default_rng(11)
    samples = [draw_sample(faces, rng, 0.5, 0.0, size) for _ in range(count)]
    made: list[Image] = []
    for start in range(0, count, _CHUNK):
        made += _paint(task, net, samples[start : start + _CHUNK])
    marks = [compare(m, s.face, s.hole) for m, s in zip(made, samples, strict=True)]
    values = {
        "hole PSNR, dB": np.mean([m.hole_psnr for m in marks]),
        "SSIM": np.mean([m.ssim for m in marks]),
        "sharpness": np.median([m.sharpness for m in marks]),
        "detail": np.median([m.detail for m in marks]),
    }
    first = samples[:SHOWN]
    given = [np.where(s.hole[..., None], np.uint8(128), s.face) for s in first]
    return Scored(_plain(values), given, [s.face for s in first], made[:SHOWN])


@torch.inference_mode()
def score_finder(net: UNet, faces: Faces, count: int, device: str) -> Scored:
    """Finds drawn masks on faces, the same ones for each net. See `score_editor`."""
    rng = np.random.default_rng(11)
    given, truth, logits = [], [], []
    for index in range(count):
        image, landmarks = faces[int(rng.integers(len(faces)))]
        face, points = cut(image, landmarks, jittered_frame(landmarks, rng, 0.5))
        worn = wear_mask(face, points, rng, KINDS[index % len(KINDS)])
        given.append(worn.image)
        truth.append(worn.mask)
    for start in range(0, count, _CHUNK):
        found = net(to_tensor(given[start : start + _CHUNK], device))[0]
        logits.append(found.float().cpu())
    whole = torch.cat(logits)
    bce = F.binary_cross_entropy_with_logits(whole, masks_to_tensor(truth)).item()
    masks = list(whole[:, 0].numpy() > 0)
    iou = float(np.mean([mask_iou(m, t) for m, t in zip(masks, truth, strict=True)]))
    tinted = [
        [with_mask(face, mask) for face, mask in zip(given[:SHOWN], some, strict=False)]
        for some in (truth, masks)
    ]
    return Scored({"IoU": iou, "BCE": bce}, given[:SHOWN], *tinted)


def score_outlined(net: UNet, folder: Path, weights: Path, device: str) -> Marks:
    """Finds an evaluation folder's hand-outlined real masks, on faces of the shipped detector.

    Raises:
        EvalFolderError: there are none.
    """
    service = Service(replace(load_models(weights, device), mask=net))
    ious, worn = [], []
    for case in outlined_cases(folder):
        face, truth = service.find_mask(case.photo), read_mask(case.mask)
        ious.append(mask_iou(found_mask(face, truth.shape), truth))
        worn.append(face is not None and Options().is_worn(face.finding))
    return {"IoU, real masks": float(np.mean(ious)), "found worn": float(np.mean(worn))}


def outlined_cases(folder: Path) -> list[Case]:
    """The hand-outlined real masks of an evaluation folder.

    Raises:
        EvalFolderError: there are none.
    """
    cases = read_real(folder)
    if not cases:
        raise EvalFolderError(f"{folder} has no real/ with outlined masks: see mask2face evaluate")
    return cases


def _paint(task: InpaintTask, net: torch.nn.Module, samples: list[Sample]) -> list[Image]:
    truth = to_tensor([sample.face for sample in samples], task.device)
    hole = masks_to_tensor([sample.hole for sample in samples], task.device)
    return to_images(net(truth, hole, task.guessed_lines(truth, hole)))


def _plain(values: dict[str, np.floating]) -> Marks:
    return {name: float(value) for name, value in values.items()}
