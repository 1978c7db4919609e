import numpy as np
import pytest

from models.light.colour_cast import UNCHANGED, gains_against

BLUE, GREEN, MAGENTA = (0.5, 0.6, 1.3), (0.7, 1.1, 0.7), (1.1, 0.6, 1.1)


def skin(colour=(200, 155, 130), light=(1, 1, 1)):
    rng = np.random.default_rng(0)
    shade = rng.uniform(0.6, 1, (2000, 1)) * np.array(colour) + rng.normal(0, 6, (2000, 3))
    return np.clip(np.rint(shade * light), 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    "colour",
    [
        (62, 40, 32),  # very dark
        (240, 215, 205),  # very pale
        (215, 130, 115),  # sunburnt
        (205, 165, 105),  # yellowish
        (220, 120, 40),  # lit by a lamp
        (200, 95, 4),  # with hardly any blue left
    ],
)
def test_skin_in_usual_light_is_left_as_it_is(colour):
    assert gains_against(skin(colour)) == UNCHANGED


@pytest.mark.parametrize("light", [BLUE, GREEN, MAGENTA])
@pytest.mark.parametrize("colour", [(200, 155, 130), (110, 75, 58)])
def test_skin_in_coloured_light_gets_the_hue_of_skin(light, colour):
    lit = skin(colour, light)
    red, green, blue = lit.mean(axis=0) * gains_against(lit)

    assert red > green > blue


def test_the_brightness_stays():
    lit = skin(light=BLUE)
    weights = (0.299, 0.587, 0.114)

    assert lit.mean(axis=0) * gains_against(lit) @ weights == pytest.approx(
        lit.mean(axis=0) @ weights, rel=1e-3
    )


def test_nothing_jumps_where_it_sets_in():
    gains = [
        gains_against(skin(light=1 + share * (np.array(BLUE) - 1)))
        for share in np.linspace(0, 1, 101)
    ]

    assert gains[0] == UNCHANGED
    assert gains[-1] != UNCHANGED
    assert np.abs(np.diff(gains, axis=0)).max() < 0.1


@pytest.mark.parametrize("light", [(0.3, 1, 0.3), BLUE])
def test_skin_of_one_tone_gets_the_hue_of_skin_too(light):
    grey = np.linspace(20, 200, 2000)[:, None]
    lit = np.rint(grey * light * 0.7).astype(np.uint8)

    red, green, blue = lit.mean(axis=0) * gains_against(lit)

    assert red > green > blue


@pytest.mark.parametrize("tone", [(1, 1, 1), (1.07, 0.9, 0.7)])
def test_grey_and_sepia_are_left_as_they_are(tone):
    grey = np.linspace(20, 200, 2000)[:, None]

    assert gains_against(np.rint(grey * tone).astype(np.uint8)) == UNCHANGED


def test_a_few_pixels_say_nothing():
    assert gains_against(skin(light=BLUE)[:50]) == UNCHANGED
