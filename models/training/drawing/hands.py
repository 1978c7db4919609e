"""A hand in front of the face: it may hide parts of a mask but isn't part of it.

Nets that never saw a hand take it for a part of the mask, and the service paints it away.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from models.pixels import Image, Landmarks, Mask
from models.training.drawing.face import Face, Points, measure
from models.training.drawing.prints import Colour, any_colour
from models.training.drawing.raster import Coverage, Window, draw_line, fill_polygon
from models.training.drawing.sheet import Colours, in_colour, smooth_noise

_CHEEKS = (29, 1, 15, 2, 14)  # the bridge of the nose and both sides of the face
_NAIL = np.array([1.06, 0.93, 0.95], np.float32)  # factors on the skin's colour
_GLOVES = ((0.35, 0.55, 0.8), (0.9, 0.91, 0.93), (0.12, 0.12, 0.14), (0.55, 0.45, 0.75))


@dataclass(frozen=True)
class _Part:
    """A part of hand or arm: a chain of joints, or the corners of the palm."""

    joints: Points  # (N, 2) local
    radius: float  # local
    filled: bool = False
    nail: bool = False
    sleeve: bool = False


@dataclass(frozen=True)
class _Hand:
    """Where a hand is held, and its sizes; all local."""

    knuckles: Points  # (2,) middle of their row
    ahead: Points  # (2,) from the wrist to the fingers, unit length
    side: Points  # (2,) across, towards the thumb
    width: float
    palm: float  # from the wrist to the knuckles
    length: float  # of the longest finger

    def at(self, across: float, along: float) -> Points:
        return np.asarray(self.knuckles + across * self.side + along * self.ahead)


def hold_hand(
    image: Image, bare: Image, landmarks: Landmarks, rng: np.random.Generator
) -> tuple[Image, Mask]:
    """Draws a hand with its arm, coming from below or from a side.

    Args:
        image: uint8 (H, W, 3) RGB, the face, masked or not; it isn't changed.
        bare: the same face without a mask: its skin sets the hand's colour.
        landmarks: float32 (68, 2), (x, y) px.
        rng: source of randomness.

    Returns:
        The picture, with a soft shadow around the hand; and its pixels that are hand, arm or
        sleeve, bool (H, W).
    """
    face = measure(landmarks)
    skin, sleeve = _skin(bare, landmarks, rng), any_colour(rng)
    nails = any_colour(rng) if rng.random() < 0.25 else np.asarray(skin * _NAIL)
    light = rng.normal(0, 0.5), rng.normal(-0.6, 0.4)
    canvas = np.asarray(image / np.float32(255), np.float32)
    hand = np.zeros(image.shape[:2], np.uint8)
    for part in _pose(rng):
        whole = _cover(part, face, Window(0, 0, image.shape[1], image.shape[0]))
        window = _around(whole, round(0.1 * face.unit) + 2)
        area = (slice(window.y0, window.y1), slice(window.x0, window.x1))
        cover = whole[area]
        if not cover.any():
            continue  # outside the picture
        colour = sleeve if part.sleeve else skin
        colours = _flesh(cover, colour, part.radius * face.unit, light, rng)
        if part.nail:
            _add_nail(colours, part, face, window, nails)
        canvas[area] = _lay(canvas[area], cover, colours, face.unit, rng)
        hand = np.maximum(hand, whole)
    return (np.clip(canvas, 0, 1) * 255 + 0.5).astype(np.uint8), np.asarray(hand > 127)


def _skin(bare: Image, landmarks: Landmarks, rng: np.random.Generator) -> Colour:
    if rng.random() < 0.08:
        return np.asarray(_GLOVES[int(rng.integers(len(_GLOVES)))], np.float32)
    nose = landmarks[_CHEEKS[0]]
    inside = [nose, *(0.6 * landmarks[list(_CHEEKS[1:])] + 0.4 * nose)]
    limits = np.array(bare.shape[1::-1]) - 1
    x, y = np.clip(np.round(inside), 0, limits).astype(int).T
    seen = np.median(bare[y, x], axis=0) / 255
    varied = seen * np.exp(rng.normal(0, 0.13) + rng.normal(0, 0.03, 3))
    return np.asarray(np.clip(varied, 0.03, 0.98), np.float32)


def _pose(rng: np.random.Generator) -> Iterator[_Part]:
    """The parts of a hand, the farthest from the camera first."""
    hand = _hold(rng)
    yield from _arm(hand, rng)
    yield _palm(hand)
    yield from _fingers(hand, rng)
    root = hand.at(0.4 * hand.width, -0.65 * hand.palm)
    yield _finger(hand, root, rng.uniform(10, 70), 0.8 * hand.length + 0.1, 0.15, rng)


def _hold(rng: np.random.Generator) -> _Hand:
    turn = rng.normal(0, np.radians(50))
    ahead = np.array([np.sin(turn), -np.cos(turn)])
    side = np.array([-ahead[1], ahead[0]]) * rng.choice([-1, 1])
    # A fist's fingers look a third as long.
    stretched = rng.choice([rng.uniform(0.25, 0.45), rng.uniform(0.5, 1.0), 1.0])
    length = rng.uniform(0.5, 0.72) * stretched
    tip = np.array([rng.normal(0, 0.4), rng.uniform(-0.15, 0.9)])
    knuckles = tip - ahead * length * rng.uniform(0.2, 1.0)
    width, palm = rng.uniform(0.42, 0.66), rng.uniform(0.45, 0.78)
    return _Hand(knuckles, ahead, side, width, palm, length)


def _arm(hand: _Hand, rng: np.random.Generator) -> Iterator[_Part]:
    bend, wrist = rng.normal(0, 0.35), hand.at(0, -hand.palm)
    away = np.array([hand.ahead[0] + bend * hand.ahead[1], hand.ahead[1] - bend * hand.ahead[0]])
    yield _Part(np.stack([wrist, wrist - 4 * away]), 0.36 * hand.width)
    if rng.random() < 0.65:
        cuff, radius = wrist - rng.uniform(0.05, 0.9) * away, rng.uniform(0.42, 0.6) * hand.width
        yield _Part(np.stack([cuff, cuff - 4 * away]), radius, sleeve=True)


def _palm(hand: _Hand) -> _Part:
    knuckles = ((-0.4, 0.0), (-0.16, 0.05), (0.16, 0.06), (0.4, -0.02))
    corners = (*knuckles, (0.35, -1.0), (-0.35, -1.0))
    joints = np.stack([hand.at(x * hand.width, y * hand.palm) for x, y in corners])
    return _Part(joints, 0.1 * hand.width, filled=True)


def _fingers(hand: _Hand, rng: np.random.Generator) -> Iterator[_Part]:
    spread, lean, nails = rng.uniform(0, 9), rng.normal(0, 6), rng.random() < 0.6
    order = range(4) if rng.random() < 0.5 else range(3, -1, -1)
    for index in order:
        length = hand.length * (0.78, 0.96, 1.0, 0.9)[index] * np.exp(rng.normal(0, 0.08))
        if rng.random() < 0.12:
            length *= 0.4  # this one is bent away
        root = hand.at((index / 3 - 0.5) * 0.8 * hand.width, 0)
        yield _finger(hand, root, (index - 1.5) * spread + lean, length, 0.13, rng, nails)


def _finger(
    hand: _Hand,
    root: Points,
    degrees: float,
    length: float,
    thick: float,
    rng: np.random.Generator,
    nail: bool = False,
) -> _Part:
    joints, angle = [root], np.radians(degrees)
    bend = rng.normal(0, 0.12)
    for share in (0.45, 0.3, 0.25):
        step = np.cos(angle) * hand.ahead + np.sin(angle) * hand.side
        joints.append(joints[-1] + share * length * step)
        angle += bend
    return _Part(np.stack(joints), thick * hand.width, nail=nail)


def _cover(part: _Part, face: Face, window: Window) -> Coverage:
    cover = np.zeros(window.shape, np.uint8)
    joints = face.to_px(part.joints)
    if part.filled:
        fill_polygon(cover, window, joints)
        joints = np.concatenate([joints, joints[:1]])
    draw_line(cover, window, joints, face.line_px(2 * part.radius))
    return cover


def _around(cover: Coverage, margin_px: int) -> Window:
    x, y, width, height = cv2.boundingRect(cover)
    return Window(
        max(0, x - margin_px),
        max(0, y - margin_px),
        min(cover.shape[1], x + width + margin_px),
        min(cover.shape[0], y + height + margin_px),
    )


def _flesh(
    cover: Coverage,
    colour: Colour,
    radius_px: float,
    light: tuple[float, float],
    rng: np.random.Generator,
) -> Colours:
    """Shades a part as round: bright where it faces the light, dark towards its edges."""
    inside = cv2.distanceTransform((cover > 127).astype(np.uint8), cv2.DIST_L2, 3)
    low = np.clip(inside / max(radius_px, 1.0), 0, 1)
    height = np.sqrt(1 - (1 - low) ** 2).astype(np.float32)
    height = np.asarray(cv2.GaussianBlur(height, (0, 0), max(0.5, 0.25 * radius_px)))
    slope_x, slope_y = (cv2.Sobel(height, cv2.CV_32F, *d, ksize=3) / 8 for d in ((1, 0), (0, 1)))
    lit = (light[0] * slope_x + light[1] * slope_y) * radius_px
    shade = rng.uniform(0.6, 0.85) + 0.25 * height - 0.35 * lit
    shade += rng.uniform(0.02, 0.06) * smooth_noise(rng, (12, 12), cover.shape)
    shade += 0.02 * rng.standard_normal(cover.shape, np.float32)
    reddish = 1 + 0.06 * smooth_noise(rng, (5, 5), cover.shape)
    colours = in_colour(np.asarray(shade, np.float32)) * colour
    colours[..., 0] *= reddish
    return np.asarray(np.clip(colours, 0, 1), np.float32)


def _add_nail(colours: Colours, part: _Part, face: Face, window: Window, nails: Colour) -> None:
    tip, before = part.joints[-1], part.joints[-2]
    start = tip + 0.25 * (before - tip)
    nail = np.zeros(window.shape, np.uint8)
    path = face.to_px(np.stack([start, tip]))
    draw_line(nail, window, path, face.line_px(1.1 * part.radius))
    weight = (nail.astype(np.float32) / 255)[..., None]
    colours += weight * (nails - colours)


def _lay(
    canvas: Colours, cover: Coverage, colours: Colours, unit: float, rng: np.random.Generator
) -> Colours:
    """Lays a part on top; it slightly darkens what lies beneath."""
    alpha = cv2.GaussianBlur(cover, (0, 0), 0.6).astype(np.float32) / 255
    dark = cv2.GaussianBlur(alpha, (0, 0), max(0.6, 0.03 * unit)) * rng.uniform(0.1, 0.45)
    beneath = canvas * in_colour(np.asarray(1 - dark, np.float32))
    return np.asarray(
        beneath + in_colour(np.asarray(alpha, np.float32)) * (colours - beneath), np.float32
    )
