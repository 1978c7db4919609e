"""Only the outline of a drawn mask: for nets that never see what is under it."""

import numpy as np

from models.pixels import Landmarks, Mask
from models.training.drawing.face import measure
from models.training.drawing.fit import fit_shape
from models.training.drawing.kinds import pick_kind, pick_shape
from models.training.drawing.raster import Window, draw_line, fill_polygon


def draw_outline(
    landmarks: Landmarks,
    shape: tuple[int, int],
    rng: np.random.Generator,
    kind: str | None = None,
) -> Mask:
    """The pixels that a random mask would hide, about ten times as fast as drawing it.

    Args:
        landmarks: float32 (68, 2), (x, y) px, iBUG order.
        shape: height and width of the picture, px.
        rng: source of randomness.
        kind: one of `KINDS`; None takes a random one.

    Returns:
        bool `shape`, True = hidden, straps included; moved away from the landmarks like the
        training masks of `wear_mask`.
    """
    chosen = pick_kind(kind, rng)
    face = measure(landmarks)
    worn = fit_shape(face, chosen, pick_shape(chosen, rng), rng, independent=True)
    canvas = np.zeros(shape, np.uint8)
    whole = Window(0, 0, shape[1], shape[0])
    fill_polygon(canvas, whole, face.to_px(worn.outline))
    for strap in worn.straps:
        draw_line(canvas, whole, face.to_px(strap.path), face.line_px(strap.width))
    return canvas > 0
