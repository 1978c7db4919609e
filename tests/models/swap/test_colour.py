import numpy as np
import pytest

from models.swap.colour import match_light, skin


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
