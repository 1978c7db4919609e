import cv2
import numpy as np
import pytest

from models.light.lenses import find_lenses

SIZE = 256
SKIN, DARK_SKIN = (205, 160, 135), (70, 46, 36)
BLACK, BLUE = (12, 12, 14), (90, 140, 220)
EYES = (88, 86), (168, 86)


def hole():
    hidden = np.zeros((SIZE, SIZE), bool)
    hidden[125:230, 55:200] = True
    return hidden


def bare(skin=SKIN):
    """A face with open eyes, brows and black hair, in a blue mask."""
    face = np.full((SIZE, SIZE, 3), 20, np.uint8)
    cv2.ellipse(face, (128, 125), (85, 110), 0, 0, 360, skin, -1)
    for x, y in EYES:
        cv2.ellipse(face, (x, y), (16, 7), 0, 0, 360, (220, 220, 220), -1)
        cv2.circle(face, (x, y), 6, (30, 20, 15), -1)
        cv2.line(face, (x - 18, y - 20), (x + 18, y - 20), (35, 25, 20), 6)
    return np.where(hole()[..., None], np.uint8(BLUE), face)


def glass(eyes=EYES):
    drawn = np.zeros((SIZE, SIZE), np.uint8)
    for x, y in eyes:
        cv2.ellipse(drawn, (x, y + 4), (32, 30), 0, 0, 360, 255, -1)
    return drawn > 0


def worn(face, colour=BLACK, eyes=EYES):
    return np.where(glass(eyes)[..., None], np.uint8(colour), face)


def shade():
    """A picture that becomes lighter from the brows down to below the eyes."""
    rows = np.clip(28 + 2.1 * (np.arange(SIZE) - 78), 0, 80)
    return np.broadcast_to(rows.astype(np.uint8)[:, None, None], (SIZE, SIZE, 3))


def grain():
    return np.random.default_rng(0).integers(0, 60, (SIZE, SIZE, 3), dtype=np.uint8)


@pytest.mark.parametrize("light", [1.0, 0.25])
@pytest.mark.parametrize("skin", [SKIN, DARK_SKIN])
@pytest.mark.parametrize("colour", [BLACK, (24, 15, 10), (12, 14, 26)])
def test_dark_lenses_are_found_with_their_rim_and_hardly_more(skin, colour, light):
    bright = worn(bare(skin), np.array(colour) * min(skin) / min(SKIN))
    face = np.rint(bright * light).astype(np.uint8)

    found = find_lenses(face, hole())

    assert found[glass() & ~hole()].all()
    assert found.sum() < 2 * glass().sum()


def test_a_highlight_belongs_to_its_lens():
    face = worn(bare())
    for x, y in EYES:
        cv2.ellipse(face, (x - 8, y - 4), (7, 3), -30, 0, 360, (240, 240, 240), -1)

    assert find_lenses(face, hole())[glass() & ~hole()].all()


@pytest.mark.parametrize(
    "face",
    [
        bare(),
        bare(DARK_SKIN),
        np.where(glass()[..., None], bare() // 2, bare()),
        worn(bare(), shade()),  # in deep shade, with tones between
        worn(bare(), grain()),
        worn(bare(), eyes=EYES[:1]),  # one eye behind hair
        np.zeros((SIZE, SIZE, 3), np.uint8),
    ],
    ids=["light", "dark", "half", "shade", "grain", "one", "black"],
)
def test_a_face_without_two_dark_lenses_has_none(face):
    assert not find_lenses(face, hole()).any()


@pytest.mark.parametrize("top", [0, 60])
def test_hidden_eyes_are_no_lenses(top):
    hidden = hole()
    hidden[top:] = True

    assert not find_lenses(worn(bare()), hidden).any()
