"""Finds where the reference's face lies in the photo, from what the mask leaves visible."""

import cv2
import numpy as np
import numpy.typing as npt

from models.crop.frame import FRAME_PX, compose, fit_similarity, invert, scale_affine, transform
from models.landmarks.order import JAW, MOUTH, eye_centres
from models.pixels import Affine, Image, Landmarks, Mask, Points
from models.swap.pose import turn

MIN_VISIBLE = 6  # points; fewer say too little about how the head is turned
# Mean miss of the visible points, in eye distances: up to the first the reference counts fully,
# from the second on it doesn't count.
_FULL_TRUST, _NO_TRUST = 0.05, 0.12
# How much farther the reference's head is turned, in eye distances: likewise.
_ALIKE, _APART = 0.1, 0.25
_FOREHEAD = 0.3  # of the eyes' distance: how far above the brows skin is expected
_HALF_PX = FRAME_PX // 2  # registration works at this size
_LEAST_PX = 500  # visible px of the face at that size; fewer are too few to register by
_STOP = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 30, 1e-4)
_BLUR_PX = 3  # side of the window that smooths both pictures
_MAX_MOVE = 0.12  # of the eyes' distance; more can't correct the landmarks' error


def register(
    reference: Image, source: Landmarks, photo: Image, landmarks: Landmarks, hole: Mask
) -> Affine:
    """The similarity that aligns the reference with the photo's visible face.

    Fitted to the visible landmarks, then shifted and rotated until the visible pixels match.

    Args:
        reference: bare face, canonical frame, uint8 (256, 256, 3).
        source: float32 (68, 2), (x, y) px of `reference`.
        photo: canonical frame, uint8 (256, 256, 3).
        landmarks: float32 (68, 2), (x, y) px of `photo`.
        hole: bool (256, 256), True = hidden: what lies there doesn't count.

    Returns:
        float32 (2, 3), px of the reference to px of the photo.

    Enhanced correlation coefficient: Evangelidis and Psarakis, 2008,
    doi:10.1109/TPAMI.2008.113. It is blind to a change of brightness and contrast.
    """
    seen = _guiding(landmarks, hole)
    fitted = fit_similarity(source[seen], landmarks[seen])
    where = _visible_face(landmarks, hole)
    if np.count_nonzero(where) < _LEAST_PX:
        return fitted
    half = scale_affine(_HALF_PX)
    to_half = compose(compose(half, fitted), invert(half))
    placed = cv2.warpAffine(_grey(reference), to_half, where.shape[::-1])
    start, everywhere = np.eye(2, 3, dtype=np.float32), np.full_like(where, 255)
    try:
        # Not the mask of `placed`, which would move with it and take the hole's edge for skin.
        back = cv2.findTransformECCWithMask(
            _grey(photo), placed, where, everywhere, start, cv2.MOTION_EUCLIDEAN, _STOP, _BLUR_PX
        )[1]
    except cv2.error:  # the pictures have nothing in common: it doesn't converge
        return fitted
    move = compose(compose(invert(half), invert(np.asarray(back, np.float32))), half)
    moved = np.linalg.norm(transform(landmarks, move) - landmarks, axis=1).max()
    return compose(move, fitted) if moved <= _MAX_MOVE * _eyes(landmarks) else fitted


def mesh_target(source: Landmarks, landmarks: Landmarks, laid: Affine, hole: Mask) -> Landmarks:
    """Where the mesh moves the reference's points, float32 (68, 2), px of the photo.

    The points go where the similarity lays them if the visible ones then match the photo's: the
    reference knows the person's jaw, the landmark net only guesses it. The worse the match, and the
    farther the reference's head is turned than the photo's, the more the photo's points count. The
    mouth keeps its own shape: opened or closed by the mesh, it would show stretched lips for
    teeth.

    Args:
        source: float32 (68, 2), (x, y) px of the reference.
        landmarks: float32 (68, 2), (x, y) px of the photo.
        laid: what `register` found.
        hole: bool (256, 256), True = hidden in the photo.
    """
    aligned, trust = transform(source, laid), _trust(source, landmarks, laid, hole)
    target = np.asarray(trust * aligned + (1 - trust) * landmarks, np.float32)
    target[MOUTH] = transform(source[MOUTH], fit_similarity(source[MOUTH], target[MOUTH]))
    return target


def _trust(source: Landmarks, landmarks: Landmarks, laid: Affine, hole: Mask) -> float:
    if hidden_points(landmarks, hole).sum() > len(landmarks) - MIN_VISIBLE:
        return 0.0
    seen = _guiding(landmarks, hole)
    miss = np.linalg.norm(transform(source[seen], laid) - landmarks[seen], axis=1).mean()
    share = float(miss) / _eyes(landmarks)
    meets = np.clip((_NO_TRUST - share) / (_NO_TRUST - _FULL_TRUST), 0, 1)
    # The few points above a mask may match though the nose and a cheek turned from view don't.
    apart = abs(turn(source)) - abs(turn(landmarks))
    return float(meets * np.clip((_APART - apart) / (_APART - _ALIKE), 0, 1))


def _guiding(landmarks: Landmarks, hole: Mask) -> Mask:
    """The points to go by: the visible ones, or all if those are too few."""
    seen = ~hidden_points(landmarks, hole)
    seen[JAW] = False  # the jaw line slides along the cheek when the head turns
    return seen if seen.sum() >= MIN_VISIBLE else np.ones_like(seen)


def hidden_points(points: Points, hole: Mask) -> Mask:
    """Which points lie in the hole, bool (K,)."""
    x, y = np.clip(np.round(points), 0, np.array(hole.shape[::-1]) - 1).astype(int).T
    return np.asarray(hole[y, x], np.bool_)


def _visible_face(landmarks: Landmarks, hole: Mask) -> npt.NDArray[np.uint8]:
    """255 on the visible face up to the forehead, at half size, uint8 (128, 128)."""
    lift = np.array([0, _FOREHEAD * _eyes(landmarks)], np.float32)
    points = np.vstack([landmarks, landmarks[17:27] - lift])
    face = np.zeros(hole.shape, np.uint8)
    cv2.fillConvexPoly(face, cv2.convexHull(np.round(points).astype(np.int32)), 255)
    face[hole] = 0
    small = cv2.resize(face, (_HALF_PX, _HALF_PX), interpolation=cv2.INTER_AREA)
    return np.asarray((small == 255) * 255, np.uint8)


def _grey(picture: Image) -> npt.NDArray[np.uint8]:
    small = cv2.resize(picture, (_HALF_PX, _HALF_PX), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)


def _eyes(landmarks: Landmarks) -> float:
    """Distance of the eyes, px."""
    left, right = eye_centres(landmarks)
    return max(float(np.linalg.norm(left - right)), 1.0)
