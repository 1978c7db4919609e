"""The inpaint stage's work: guesses the hidden points and paints the hole along them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import cv2
import numpy as np
import torch

from models.checkpoint import Manifest, load_net
from models.inpaint.generator import Generator, GeneratorConfig, Window, window_of
from models.inpaint.lift import lift_detail
from models.landmarks.draw import draw_lines
from models.landmarks.guess import AS_GUESSED, Wish, guess_landmarks
from models.landmarks.net import LandmarkNet
from models.light.lenses import find_lenses
from models.light.levels import levels_of
from models.nets.inference import for_inference
from models.parallel import parallel_map
from models.pixels import Image, Landmarks, Mask, masks_to_tensor, to_images, to_tensor

# All layers except the one that takes the picture in and the one that draws.
_BETWEEN_ENDS = (
    "encode64.1",
    "encode32",
    "encode16",
    "join32",
    "atrous",
    "decode32",
    "join64",
    "decode64",
    "head.0",
    "head.1",
)
_LENS_EDGE_PX = 8  # beside dark lenses, their shade fades out over this distance


@dataclass(frozen=True)
class Painted:
    """A face without its mask."""

    face: Image  # uint8 (256, 256, 3); equals the input outside the hole
    landmarks: Landmarks  # float32 (68, 2) px of the frame, along which it was painted


def load_generator(manifest: Manifest, device: str = "cpu") -> Generator:
    """The net that the manifest pins as "inpaint".

    Raises:
        WeightsError: see `Manifest.path` and `load_net`.
    """
    net = load_net(manifest.path("inpaint"), Generator, GeneratorConfig, device)
    folds = {"fold4": "encode64.0.0", "fold2": ""}
    return for_inference(net, folds, int8=_BETWEEN_ENDS, parts=("encode", "draw"))


def paint_faces(
    generator: Generator, landmark_net: LandmarkNet, faces: Sequence[Image], holes: Sequence[Mask]
) -> list[Painted]:
    """Paints the holes of some faces, once each and as guessed: see `paint_candidates`."""
    wishes = [AS_GUESSED] * len(faces)
    return [one for one, *_ in paint_candidates(generator, landmark_net, faces, holes, wishes)]


def paint_candidates(
    generator: Generator,
    landmark_net: LandmarkNet,
    faces: Sequence[Image],
    holes: Sequence[Mask],
    wishes: Sequence[Wish],
) -> list[list[Painted]]:
    """Paints the holes of some faces, each as often as requested, all in one batch.

    Dark, flat and tinted crops are painted in usual levels: see `models.light.levels`. Faces in
    dark sunglasses are painted a second time as if the lenses were hidden too.

    Args:
        generator: the net that paints.
        landmark_net: guesses where the hidden points are.
        faces: canonical crops, uint8 (256, 256, 3) RGB.
        holes: bool (256, 256), True = paint here; see `models.inpaint.hole`.
        wishes: expression and count of candidates, one per face.

    Returns:
        For each face its painted candidates, most likely first.
    """
    lenses = parallel_map(find_lenses, faces, holes)
    levels = parallel_map(levels_of, faces, holes)
    shown = [level.apply(face) for level, face in zip(levels, faces, strict=True)]
    guesses = guess_landmarks(landmark_net, shown, holes, wishes)
    rows = [row for row, candidates in enumerate(guesses) for _ in candidates]
    painted = _paint(
        generator,
        [shown[row] for row in rows],
        [holes[row] for row in rows],
        [lenses[row] for row in rows],
        [*chain(*guesses)],
    )
    own = iter(
        Painted(levels[row].undo(one.face, faces[row], holes[row]), one.landmarks)
        for row, one in zip(rows, painted, strict=True)
    )
    return [[next(own) for _ in candidates] for candidates in guesses]


def _paint(
    generator: Generator,
    faces: Sequence[Image],
    holes: Sequence[Mask],
    lenses: Sequence[Mask],
    landmarks: Sequence[Landmarks],
) -> list[Painted]:
    filled = fill_holes(generator, faces, holes, landmarks)
    for row, (hole, lens) in enumerate(zip(holes, lenses, strict=True)):
        if lens.any():
            (clean,) = fill_holes(generator, [faces[row]], [hole | lens], [landmarks[row]])
            filled[row] = _without_shade(filled[row], clean, hole, lens)
    lifted = parallel_map(lift_detail, filled, holes)
    return [Painted(face, points) for face, points in zip(lifted, landmarks, strict=True)]


def _without_shade(shaded: Image, clean: Image, hole: Mask, lenses: Mask) -> Image:
    """The clean painting; beside the lenses the shaded one, which continues their edge."""
    far = cv2.distanceTransform((~lenses).astype(np.uint8), cv2.DIST_L2, 5)
    share = np.where(hole, np.square(np.minimum(far / _LENS_EDGE_PX, 1)), 0)[..., None]
    return np.asarray(np.rint(shaded + share * (clean.astype(np.float32) - shaded)), np.uint8)


@torch.inference_mode()
def fill_holes(
    generator: Generator,
    faces: Sequence[Image],
    holes: Sequence[Mask],
    landmarks: Sequence[Landmarks],
) -> list[Image]:
    """What the net itself paints, before `lift_detail`.

    Args:
        generator, faces, holes: as for `paint_candidates`.
        landmarks: float32 (68, 2) px of the frame, to paint along; one set per face.

    Returns:
        uint8 (256, 256, 3); each equals its face outside the hole.
    """
    device = next(generator.parameters()).device
    lines = np.stack([draw_lines(p, h) for p, h in zip(landmarks, holes, strict=True)])
    guide = torch.from_numpy(lines).to(device)[:, None].float().div_(255)
    # On a GPU, one window and so one graph for all calls is faster than smaller windows.
    shown = holes if device.type == "cpu" else [np.ones_like(holes[0])]
    window = window_of(torch.from_numpy(np.stack(list(shown))))
    painted = generator(to_tensor(faces, device), masks_to_tensor(holes, device), guide, window)
    return [
        _fill(face, hole, result, window)
        for result, face, hole in zip(to_images(painted), faces, holes, strict=True)
    ]


def _fill(face: Image, hole: Mask, painted: Image, window: Window) -> Image:
    """The face with what was painted in its window; pixels outside the hole stay its own."""
    filled = face.copy()
    np.copyto(filled[window], painted, where=hole[window][..., None])
    return filled
