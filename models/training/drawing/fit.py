"""How a mask sits on a face: its straps, and a shape that covers the mouth but not the eyes."""

import cv2
import numpy as np
import numpy.typing as npt

from models.training.drawing import shapes
from models.training.drawing.face import Face, Points, loosen
from models.training.drawing.kinds import Kind

_MOUTH = slice(48, 60)
_EYES = slice(36, 48)
_LOOSE_TRIES = (1.0, 1.0, 1.0, 0.7, 0.45, 0.2, 0.0)  # strengths to try until the mask is wearable
_BELOW_NOSE = 0.08  # share of masks that leave the nose bare
_STRAPLESS = 0.07  # share without visible straps


def fit_shape(
    face: Face, kind: Kind, family: str, rng: np.random.Generator, independent: bool
) -> shapes.Shape:
    """The outline and straps of one mask.

    Args:
        face: who wears it.
        kind: determines its straps.
        family: one of `shapes.EDGES`.
        rng: source of randomness.
        independent: move and bend the mask away from the landmarks.
    """
    # A stiff mask keeps its height; worn under the nose it would be squashed.
    low = family not in ("cup", "boat") and rng.random() < _BELOW_NOSE
    nose = rng.uniform(4.0, 4.7) if low else rng.uniform(0.3, 2.7 if independent else 1.8)
    for strength in _LOOSE_TRIES if independent else (0.0, 0.0, 0.0):
        loose = loosen(face, rng, strength)
        edges = shapes.EDGES[family](loose, rng, nose)
        wobble = 0.004 + 0.016 * strength * rng.random()
        outline = shapes.close_outline(loose, edges, rng, wobble)
        eyes, mouth = face.points[_EYES], face.points[_MOUTH]
        if _inside(outline, mouth).all() and not _inside(outline, eyes).any():
            break
        nose = min(max(nose, 0.8), 4.3)  # further from the eyes or the lip next time
    return shapes.Shape(edges[0], edges[1], outline, _straps(face, edges, kind, family, rng))


def _straps(
    face: Face, edges: shapes.Edges, kind: Kind, family: str, rng: np.random.Generator
) -> tuple[shapes.Strap, ...]:
    banded = rng.random() < kind.bands
    if family == "scarf" or rng.random() < _STRAPLESS:
        return ()
    return (shapes.head_bands if banded else shapes.ear_loops)(face, edges, rng)


def _inside(outline: Points, points: Points) -> npt.NDArray[np.bool_]:
    polygon = outline.astype(np.float32)
    places = points.tolist()
    return np.array([cv2.pointPolygonTest(polygon, place, False) > 0 for place in places])
