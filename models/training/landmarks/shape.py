"""Fits the small linear face model that is stored with the landmark net.

There are no expression labels. A smile is measured on the labelled points of bare faces: a wide
mouth with lifted corners, as far as the pose of the head doesn't explain either.
"""

import numpy as np

from models.landmarks.guess import put_shape
from models.landmarks.net import SPREAD, LandmarkNet
from models.landmarks.predict import predict_landmarks
from models.landmarks.shape import GAP, SMILE, Doubles, ShapeModel, align, freedom, measures
from models.training.frames import Faces
from models.training.samples import draw_sample

_WIDTH, _LIFT, _GAP = 1, 2, 3  # columns of `measures`
_POSE = [0, 4, 5, 6]  # columns of `measures`: one, yaw, yaw squared, pitch
_NEUTRAL, _SMILING = 30, 92  # percentiles of the training faces
_RIDGE = 1e-3  # times the number of faces
_ERRORS = 480  # masked held-back faces on which the spread is measured
_BATCH = 32

FEWEST_FACES = 1_000  # to fit a model anew where a start has one: fewer hardly smile


def fit_face_model(net: LandmarkNet, faces: Faces, apart: Faces) -> None:
    """Fits the face model and puts it into the net's buffers; takes seconds.

    Args:
        net: a trained one.
        faces: those it was trained on.
        apart: held-back faces.
    """
    mean = net.mean_face.cpu().numpy().astype(np.float64)
    points, _ = align(faces.landmarks[faces.rows].astype(np.float64), mean)
    measured = measures(points)
    gauges = fit_gauges(measured)
    mouths = measured @ gauges.T
    put_shape(
        net,
        ShapeModel(
            mean,
            gauges,
            fit_moves(points, mouths, measured),
            fit_levels(mouths),
            fit_spread(*guessing_errors(net, apart), SPREAD),
        ),
    )


def fit_gauges(measured: Doubles) -> Doubles:
    """How smile and lip gap are computed from the measures: linear, z-scored.

    Args:
        measured: (N, MEASURES) of training faces.

    Returns:
        (2, MEASURES), see `ShapeModel.gauges`.
    """
    parts = []
    for column in (_WIDTH, _LIFT, _GAP):
        explained = np.linalg.lstsq(measured[:, _POSE], measured[:, column], rcond=None)[0]
        part = np.zeros(measured.shape[1])
        part[column], part[_POSE] = 1, -explained
        parts.append(part / max((measured @ part).std(), 1e-9))
    smile = parts[0] + parts[1]
    return np.stack([smile / max((measured @ smile).std(), 1e-9), parts[2]])


def fit_moves(points: Doubles, mouths: Doubles, measured: Doubles) -> Doubles:
    """How all points move when smile or gap grows by one and the pose stays.

    Args:
        points: (N, 68, 2), aligned.
        mouths: (N, 2), smile and gap.
        measured: (N, MEASURES).

    Returns:
        (2, 68, 2) px, by ridge regression.
    """
    causes = np.concatenate([mouths, measured[:, _POSE]], axis=1)
    normal = causes.T @ causes + _RIDGE * len(causes) * np.eye(causes.shape[1])
    effects = np.linalg.solve(normal, causes.T @ points.reshape(len(points), -1))
    return effects[:2].reshape(2, 68, 2)


def fit_levels(mouths: Doubles) -> Doubles:
    """Smile and gap of a calm, closed mouth, and of a smiling one with the gap usual for its smile.

    Args:
        mouths: (N, 2), smile and gap.

    Returns:
        (2, 2): neutral, smile.
    """
    neutral = np.percentile(mouths, _NEUTRAL, axis=0)
    smile = np.percentile(mouths[:, SMILE], _SMILING)
    likeliest = np.argsort(abs(mouths[:, SMILE] - smile))[: max(1, len(mouths) // 20)]
    return np.array([neutral, [smile, np.median(mouths[likeliest, GAP])]])


def guessing_errors(
    net: LandmarkNet, faces: Faces, count: int = _ERRORS
) -> tuple[Doubles, Doubles]:
    """Truth minus guess on masked faces, and how much of each point was hidden.

    Returns:
        (N, 68, 2) px of the mean face, and (N, 68), 0..1.
    """
    rng, mean = np.random.default_rng(0), net.mean_face.cpu().numpy().astype(np.float64)
    errors, hidden = [], []
    for _ in range(0, min(count, 8 * len(faces)), _BATCH):
        samples = [draw_sample(faces, rng, 1.0, 0.0) for _ in range(_BATCH)]
        guesses = predict_landmarks(net, [s.face for s in samples], [s.hole for s in samples])
        truth = np.stack([s.landmarks for s in samples]).astype(np.float64)
        _, factor = align(truth, mean)
        turned = ((truth - np.stack(guesses)) @ np.array([1, 1j])) * factor[:, None]
        errors.append(np.stack([turned.real, turned.imag], axis=-1))
        hidden.append(np.stack([freedom(s.landmarks, s.hole) for s in samples]))
    return np.concatenate(errors), np.concatenate(hidden)


def fit_spread(errors: Doubles, hidden: Doubles, components: int) -> Doubles:
    """Principal components of the errors at hidden points, each one standard deviation long.

    Args:
        errors: (N, 68, 2) px.
        hidden: (N, 68), 0..1.
        components: how many.

    Returns:
        (components, 68, 2) px, largest first.
    """
    seen = (errors * hidden[..., None]).reshape(len(errors), -1)
    _, lengths, axes = np.linalg.svd(seen - seen.mean(axis=0), full_matrices=False)
    scaled = axes * (lengths / np.sqrt(len(errors)))[:, None]
    return np.asarray(scaled[:components].reshape(-1, 68, 2))
