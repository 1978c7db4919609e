"""Samples of a face: cut with jitter around the canonical frame."""

import cv2
import numpy as np

from models.crop.frame import FRAME_PX, fit_frame, five_points, transform
from models.landmarks.order import MIRRORED
from models.pixels import Affine, Image, Landmarks


def jittered_frame(
    landmarks: Landmarks, rng: np.random.Generator, amount: float = 1.0, flip: bool = False
) -> Affine:
    """A canonical frame as an imperfect detector would place it.

    Args:
        landmarks: (68, 2) px of a picture.
        rng: source of the jitter.
        amount: 0 is exact; 1 rotates by some degrees, scales and shifts by some percent.
        flip: mirror left and right.

    Returns:
        float32 (2, 3), picture px to frame px.
    """
    points = five_points(landmarks)
    eyes = float(np.linalg.norm(points[1] - points[0])) + 1e-6
    points = points + rng.normal(0, 0.025 * amount * eyes, points.shape).astype(np.float32)
    frame = fit_frame(points).astype(np.float64)
    angle = np.deg2rad(rng.normal(0, 3.0 * amount))
    scale = float(np.exp(rng.normal(0, 0.05 * amount)))
    shift = rng.normal(0, 4.0 * amount, 2)
    centre = (FRAME_PX - 1) / 2
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn @ frame[:, :2]
    offset = turn @ (frame[:, 2] - centre) + centre + shift
    if flip:
        linear[0], offset[0] = -linear[0], FRAME_PX - 1 - offset[0]
    return np.hstack([linear, offset[:, None]]).astype(np.float32)


def cut(
    image: Image, landmarks: Landmarks, frame: Affine, size: int = FRAME_PX
) -> tuple[Image, Landmarks]:
    """The picture and its points in the frame; points stay in iBUG order when mirrored."""
    warped = cv2.warpAffine(
        image, frame, (size, size), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
    )
    points = transform(landmarks, frame)
    if np.linalg.det(frame[:, :2]) < 0:
        points = points[MIRRORED]
    return np.asarray(warped, np.uint8), points
