import cv2
import numpy as np
import pytest

from models.training.drawing import hold_hand

SIDE = 160
SEEDS = range(12)


def layout() -> np.ndarray:
    """68 points of a plain frontal face that fills the picture, (x, y) px."""
    angle = np.linspace(np.pi, 0, 17)
    points = np.full((68, 2), 0.5)
    points[:17] = np.stack([0.5 + 0.3 * np.cos(angle), 0.38 + 0.42 * np.sin(angle)], axis=1)
    points[27:31] = [(0.5, 0.35 + 0.05 * i) for i in range(4)]
    points[31:36] = [(0.44 + 0.03 * i, 0.54) for i in range(5)]
    points[36:42], points[42:48] = (0.35, 0.35), (0.65, 0.35)
    return (points * SIDE).astype(np.float32)


def plain(*colour: int) -> np.ndarray:
    return np.full((SIDE, SIDE, 3), colour, np.uint8)


@pytest.mark.parametrize("seed", SEEDS)
def test_only_the_hand_and_the_shadow_around_it_change(seed):
    image = plain(120, 160, 200)

    shown, hand = hold_hand(image, image, layout(), np.random.default_rng(seed))

    changed = (shown != image).any(axis=2)
    near = cv2.dilate(hand.astype(np.uint8), np.ones((41, 41), np.uint8)) > 0
    assert shown.dtype == np.uint8
    assert shown.shape == image.shape
    assert (image == (120, 160, 200)).all()
    assert not (changed & ~near).any()
    assert changed[hand].mean() > 0.99


@pytest.mark.parametrize("seed", SEEDS)
def test_what_lies_beside_the_hand_only_gets_darker(seed):
    image = plain(120, 160, 200)

    shown, hand = hold_hand(image, image, layout(), np.random.default_rng(seed))

    beyond = cv2.dilate(hand.astype(np.uint8), np.ones((7, 7), np.uint8)) == 0
    assert (shown[beyond] <= image[beyond]).all()


def test_most_hands_lie_on_the_lower_face_and_leave_some_of_it():
    image, points = plain(120, 160, 200), layout()
    lower = np.zeros((SIDE, SIDE), bool)
    lower[int(points[33, 1]) : int(points[8, 1]), int(points[4, 0]) : int(points[12, 0])] = True

    shares = [
        hold_hand(image, image, points, np.random.default_rng(seed))[1][lower].mean()
        for seed in range(100)
    ]

    assert np.mean(np.greater(shares, 0.05)) > 0.7
    assert np.mean(np.less(shares, 0.9)) > 0.9


def test_a_hand_has_the_colour_of_the_bare_face():
    masked, points = plain(255, 255, 255), layout()
    means = []
    for skin in (plain(230, 190, 170), plain(90, 60, 45)):
        drawn = [hold_hand(masked, skin, points, np.random.default_rng(seed)) for seed in range(60)]
        hands = [shown[hand].mean() for shown, hand in drawn if hand.any()]
        means.append(np.median(hands))

    light, dark = means
    assert light > 1.6 * dark


def test_the_same_seed_draws_the_same_hand():
    image = plain(120, 160, 200)
    one, other = (hold_hand(image, image, layout(), np.random.default_rng(7)) for _ in range(2))

    np.testing.assert_array_equal(one[0], other[0])
    np.testing.assert_array_equal(one[1], other[1])
