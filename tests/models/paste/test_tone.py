import cv2
import numpy as np
import pytest

from models.paste.tone import keep_tone

SIZE = 256


def scene(seed=0):
    noise = np.random.default_rng(seed).normal(0, 1, (SIZE, SIZE, 3))
    soft = cv2.GaussianBlur(noise, (0, 0), 6)
    return np.clip(128 + 50 * soft / soft.std(), 0, 255).astype(np.uint8)


def grey(picture):
    return cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


def sepia(picture):
    brightness = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None] / 255
    return np.clip(255 * brightness ** np.array([0.8, 1.0, 1.3]), 0, 255).astype(np.uint8)


def mask():
    hole = np.zeros((SIZE, SIZE), bool)
    hole[130:220, 60:200] = True
    return hole


def filled(photo, hole):
    """The photo with colours in the hole, as a net might paint."""
    return np.where(hole[..., None], scene(1), photo)


def chroma(picture):
    levels = picture.astype(int)
    return np.abs(levels[..., 0] - levels[..., 2])


def test_a_grey_photo_stays_grey():
    kept = keep_tone(filled(grey(scene()), mask()), mask())

    assert chroma(kept).max() <= 2
    brightness = cv2.cvtColor(scene(1), cv2.COLOR_RGB2GRAY).astype(int)
    assert np.abs(kept[mask()].mean(axis=1) - brightness[mask()]).mean() < 2


def test_sepia_stays_sepia():
    kept = keep_tone(filled(sepia(scene()), mask()), mask())

    expected = sepia(scene(1)).astype(int)
    assert np.abs(kept[mask()] - expected[mask()]).mean() < 3


def test_a_photo_with_colours_keeps_them():
    patch = filled(scene(), mask())

    np.testing.assert_array_equal(keep_tone(patch, mask()), patch)


@pytest.mark.parametrize("finer", [1, 2, 3])
def test_what_was_not_made_up_stays(finer):
    patch = np.repeat(np.repeat(filled(grey(scene()), mask()), finer, 0), finer, 1)
    beyond = ~np.repeat(np.repeat(mask(), finer, 0), finer, 1)

    kept = keep_tone(patch, mask())

    np.testing.assert_array_equal(kept[beyond], patch[beyond])
    assert (kept[~beyond] != patch[~beyond]).any()


def test_where_nothing_else_is_seen_the_patch_stays():
    everything = np.ones((SIZE, SIZE), bool)

    np.testing.assert_array_equal(keep_tone(scene(), everything), scene())


def test_an_even_surface_is_no_tone():
    even = np.full((SIZE, SIZE, 3), 128, np.uint8)
    patch = filled(even, mask())

    np.testing.assert_array_equal(keep_tone(patch, mask()), patch)


def jpeg(picture, quality=20):
    packed = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR_RGB))


def pale(gain=1.0):
    """A photo with few colours."""
    picture = grey(scene()).astype(float)
    colours = scene(2).astype(float) - grey(scene(2))
    return np.clip(np.rint((picture + 0.12 * colours) * gain), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("gain", [1.0, 0.5, 0.25, 0.15])
def test_a_pale_photo_keeps_its_colours_in_any_light(gain):
    patch = filled(pale(gain), mask())

    np.testing.assert_array_equal(keep_tone(patch, mask()), patch)


@pytest.mark.parametrize("gain", [0.5, 0.25, 0.12])
def test_a_grey_photo_stays_grey_in_the_dark(gain):
    dark = np.rint(filled(grey(scene()), mask()) * gain).astype(np.uint8)

    assert chroma(keep_tone(dark, mask())).max() <= 2


@pytest.mark.parametrize("gain", [0.5, 0.25])
def test_sepia_stays_sepia_in_the_dark(gain):
    dark = np.rint(filled(sepia(scene()), mask()) * gain).astype(np.uint8)

    kept = keep_tone(dark, mask())

    assert np.abs(kept[mask()] - gain * sepia(scene(1))[mask()].astype(float)).mean() < 3


def test_a_compressed_grey_photo_stays_grey():
    kept = keep_tone(filled(jpeg(grey(scene())), mask()), mask())

    assert chroma(kept).max() <= 2


def test_what_is_brighter_than_all_that_is_seen_goes_on_in_its_tone():
    dark = np.rint(sepia(scene()) * 0.2).astype(np.uint8)
    patch = np.where(mask()[..., None], np.uint8(200), dark)

    kept = keep_tone(patch, mask())

    assert np.abs(kept[mask()].astype(int) - 200).max() < 20
