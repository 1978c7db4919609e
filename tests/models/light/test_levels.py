from functools import cache

import cv2
import numpy as np
import pytest
import torch

from models.landmarks.net import LandmarkConfig, LandmarkNet
from models.landmarks.predict import predict_landmarks
from models.light.colour_cast import UNCHANGED
from models.light.levels import IDENTITY, levels_of
from models.mask.detect import detect_masks
from models.mask.unet import UNet, UNetConfig

SIZE = 256


@cache
def soft_noise():
    soft = cv2.GaussianBlur(np.random.default_rng(0).normal(0, 1, (SIZE, SIZE)), (0, 0), 3)
    return np.repeat(soft[..., None] / soft.std(), 3, axis=2).astype(np.float32)


def crop(mean=130.0, spread=45.0):
    return np.clip(np.rint(mean + spread * soft_noise()), 0, 255).astype(np.uint8)


def hole():
    hidden = np.zeros((SIZE, SIZE), bool)
    hidden[130:220, 60:200] = True
    return hidden


def dark(gain):
    return np.rint(crop() * gain).astype(np.uint8)


def test_a_crop_of_usual_light_is_shown_as_it_is():
    levels = levels_of(crop(), hole())

    assert levels == IDENTITY
    assert levels.apply(crop()).tobytes() == crop().tobytes()


def test_the_nets_are_shown_a_dark_crop_bright():
    torch.manual_seed(0)
    mask_net = UNet(UNetConfig(width=4, depth=2, max_width=8)).eval()
    landmark_net = LandmarkNet(LandmarkConfig(widths=(4, 8), blocks=(1, 1), features=8)).eval()
    face, bare = dark(0.25), np.zeros((SIZE, SIZE), bool)

    (found,) = detect_masks(mask_net, [face])
    (points,) = predict_landmarks(landmark_net, [face], [bare])

    (of_shown,) = detect_masks(mask_net, [levels_of(face).apply(face)])
    shown = levels_of(face, bare).apply(face)
    assert found.probability == of_shown.probability
    np.testing.assert_array_equal(points, predict_landmarks(landmark_net, [shown], [bare])[0])


@pytest.mark.parametrize("gain", [0.35, 0.25, 0.15])
def test_a_dark_crop_is_shown_bright(gain):
    shown = levels_of(dark(gain), hole()).apply(dark(gain))

    assert 90 < shown[~hole()].mean() < 140


def test_a_flat_crop_is_shown_with_contrast():
    flat = crop(mean=190, spread=12)

    shown = levels_of(flat, hole()).apply(flat)

    assert shown[~hole()].std() > 40
    assert 110 < shown[~hole()].mean() < 140


def test_what_is_hidden_does_not_count():
    face = dark(0.25)
    bright = np.where(hole()[..., None], np.uint8(255), face)

    assert levels_of(bright, hole()) == levels_of(face, hole())


def test_a_face_on_a_black_ground_is_not_dark():
    oval = cv2.ellipse(np.zeros((SIZE, SIZE), np.uint8), (128, 128), (70, 90), 0, 0, 360, 1, -1)
    face = crop(140, 20) * oval[..., None]

    assert levels_of(face, hole()).gain == 1


def test_what_is_bright_beside_a_dark_face_does_not_turn_white():
    face = dark(0.25)
    face[:, :40] = 200

    assert levels_of(face, hole()).gain == pytest.approx(255 / 200)


@pytest.mark.parametrize(
    ("make", "scale"),
    [(dark, np.linspace(0.5, 0.1, 201)), (lambda s: crop(150, s), np.linspace(40, 5, 201))],
)
def test_nothing_jumps_where_it_sets_in(make, scale):
    crops = [make(one) for one in scale]
    means = [levels_of(one, hole()).apply(one)[~hole()].mean() for one in crops]

    assert np.abs(np.diff(means)).max() < 5


def test_what_was_painted_is_taken_back_to_the_photos_levels():
    face = dark(0.25)
    levels = levels_of(face, hole())

    back = levels.undo(levels.apply(face), face, hole())

    assert np.abs(back.astype(int) - face).max() <= 1
    np.testing.assert_array_equal(back[~hole()], face[~hole()])


def tinted(light=(0.5, 0.6, 1.3)):
    rosy = 10 * np.roll(soft_noise(), 50, axis=1) * (1, 0, -1)
    skin = crop()[..., :1] * np.array((1.2, 0.95, 0.8)) + rosy
    return np.clip(np.rint(skin * light), 0, 255).astype(np.uint8)


def test_the_nets_are_shown_a_face_in_blue_light_in_the_colour_of_skin():
    levels = levels_of(tinted(), hole())
    red, green, blue = levels.apply(tinted())[~hole()].mean(axis=0)

    assert red > green > blue
    back = levels.undo(levels.apply(tinted()), tinted(), hole())
    assert np.abs(back.astype(int) - tinted()).mean() < 1


def test_dark_lenses_do_not_make_a_face_dark():
    face = crop(mean=100, spread=40)
    face[60:115, 50:206] = 0

    assert levels_of(face, hole()) == IDENTITY


def test_where_the_face_is_not_known_from_its_mask_the_lights_colour_stays():
    assert levels_of(tinted()).colour == UNCHANGED


def test_where_nothing_is_seen_the_levels_stay():
    assert levels_of(dark(0.25), np.ones((SIZE, SIZE), bool)) == IDENTITY


def test_a_speck_in_a_black_crop_is_not_shown_white():
    black = np.zeros((SIZE, SIZE, 3), np.uint8)
    black[100, 100] = 1

    shown = levels_of(black).apply(black)

    assert 100 < shown.min() < shown.max() < 200
