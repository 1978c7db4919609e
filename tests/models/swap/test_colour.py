import cv2
import numpy as np
import pytest

from models.swap.colour import light_gain, relight, skin
from models.swap.warp import at_size


def match_light(warped, painted, landmarks, hole):
    return relight(warped, light_gain(warped, painted, landmarks, hole))


@pytest.mark.parametrize("gain", [(0.6, 0.6, 0.6), (1.3, 1.0, 0.8), (0.5, 0.6, 0.8)])
def test_another_light_is_taken_out(texture, landmarks, hole, gain):
    painted = texture(0)
    reference = np.clip(painted * np.array(gain), 0, 255).astype(np.uint8)

    lit = match_light(reference, painted, landmarks, hole)

    face = skin(landmarks, hole.shape) > 0
    before = np.abs(reference[face].astype(int) - painted[face]).mean()
    assert np.abs(lit[face].astype(int) - painted[face]).mean() < 0.2 * before


def test_light_that_falls_from_one_side_is_taken_over(texture, landmarks, hole):
    reference = texture(0)
    slope = np.linspace(0.8, 1.2, 256)[None, :, None]
    painted = np.clip(reference * slope, 0, 255).astype(np.uint8)

    lit = match_light(reference, painted, landmarks, hole)

    face = skin(landmarks, hole.shape) > 0
    before = np.abs(reference[face].astype(int) - painted[face]).mean()
    assert np.abs(lit[face].astype(int) - painted[face]).mean() < 0.5 * before


def test_dark_hair_over_the_cheek_does_not_darken_the_skin(texture, landmarks, hole):
    painted = texture(0)
    painted[70:112, 60:80] = 20

    lit = match_light(texture(0), painted, landmarks, hole)

    chin = (slice(195, 205), slice(120, 136))
    assert np.abs(lit[chin].astype(int) - texture(0)[chin]).mean() < 6


def test_the_painted_tone_does_not_count_beside_visible_skin(texture, landmarks, hole):
    painted = texture(0)
    painted[hole] = painted[hole] // 2

    lit = match_light(texture(0), painted, landmarks, hole)

    assert np.abs(lit[hole].astype(int) - texture(0)[hole]).mean() < 4


def test_a_sliver_of_visible_skin_in_shadow_counts_less_than_the_painted_face(
    texture, landmarks, hole
):
    reference, painted = texture(0), texture(0)
    hole[:108] = True
    painted[108:] //= 3
    painted[hole] = reference[hole]

    lit = match_light(reference, painted, landmarks, hole)

    face = hole & (skin(landmarks, hole.shape) > 0)
    assert np.abs(lit[face].astype(int) - painted[face]).mean() < 5


def test_what_is_behind_the_face_takes_its_own_light(texture, landmarks, hole):
    face = skin(landmarks, hole.shape)[..., None] > 0
    painted = np.where(face, texture(0) * 1.2, texture(0)).clip(0, 255).astype(np.uint8)

    lit = match_light(texture(0), painted, landmarks, hole)

    strap = (slice(116, 124), slice(20, 40))
    assert np.abs(lit[strap].astype(int) - texture(0)[strap]).mean() < 4


def test_a_larger_picture_gets_the_same_gain(texture, landmarks, hole):
    gain = light_gain(texture(1), texture(0), landmarks, hole)

    large = relight(at_size(texture(1), 512), gain)

    apart = np.abs(at_size(large, 256).astype(int) - relight(texture(1), gain))
    assert apart.mean() < 1


def test_a_face_that_is_hidden_altogether_takes_the_painted_tone(texture, landmarks):
    everything = np.ones((256, 256), bool)
    reference = (texture(0) * 0.6).astype(np.uint8)

    lit = match_light(reference, texture(0), landmarks, everything)

    assert abs(float(lit.mean()) - float(texture(0).mean())) < 6


def test_a_face_outside_of_the_picture_leaves_the_reference(texture, landmarks, hole):
    reference = texture(1)

    np.testing.assert_array_equal(
        match_light(reference, texture(0), landmarks + 1000, hole), reference
    )


def test_eyes_and_lips_are_no_skin(landmarks):
    where = skin(landmarks, (256, 256))

    assert where[86, 88] == where[170, 128] == 0
    assert where[120, 100] == where[200, 128] == 1


@pytest.mark.parametrize("gain", [0.1, 0.15, 0.25])
def test_a_photo_far_darker_than_the_reference_is_met(texture, landmarks, hole, gain):
    painted = np.rint(texture(0) * gain).astype(np.uint8)

    lit = match_light(texture(0), painted, landmarks, hole)

    assert np.abs(lit[hole].astype(int) - painted[hole]).mean() < 3


@pytest.mark.parametrize("gain", [0.1, 0.15, 0.25])
def test_a_reference_far_darker_than_the_photo_is_met(texture, landmarks, hole, gain):
    reference = np.rint(texture(0) * gain).astype(np.uint8)

    lit = match_light(reference, texture(0), landmarks, hole)

    assert np.abs(lit[hole].astype(int) - texture(0)[hole]).mean() < 8


def with_lips(picture, landmarks, colour):
    lips = cv2.fillPoly(picture.copy(), [np.round(landmarks[48:60]).astype(np.int32)], colour)
    return np.asarray(lips)


@pytest.mark.parametrize("tone", [(1.0, 1.0, 1.0), (1.0, 0.85, 0.65)])
def test_a_reference_of_one_tone_takes_the_painted_colours(texture, landmarks, hole, tone):
    painted = with_lips(texture(0), landmarks, (190, 90, 90))
    grey = cv2.cvtColor(painted, cv2.COLOR_RGB2GRAY)[..., None]
    reference = np.rint(grey * np.array(tone)).astype(np.uint8)

    lit = match_light(reference, painted, landmarks, hole).astype(int)

    lips = (slice(175, 180), slice(115, 141))
    redness = lit[lips][..., 0] - lit[lips][..., 2]
    assert redness.mean() > 60
    skin_only = (slice(195, 205), slice(115, 141))
    assert np.abs(lit[skin_only] - painted[skin_only]).mean() < 12


def test_a_reference_of_one_tone_keeps_its_teeth_pale(texture, landmarks, hole):
    painted = with_lips(texture(0), landmarks, (190, 90, 90))
    landmarks = landmarks.copy()
    landmarks[60:, 1] = 170 + 2 * (landmarks[60:, 1] - 170)
    grey = cv2.cvtColor(texture(0), cv2.COLOR_RGB2GRAY)[..., None]
    reference = np.repeat(grey, 3, axis=2)

    lit = match_light(reference, painted, landmarks, hole).astype(int)

    teeth = lit[167:174, 115:141]
    assert (teeth[..., 0] - teeth[..., 2]).mean() < 50
