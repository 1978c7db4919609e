import numpy as np
import pytest

from models.training.drawing import KINDS, wear_mask

SEEDS = range(3)


def layout(size: int) -> np.ndarray:
    """68 points of a plain frontal face that fills a square picture, (x, y) px."""
    jaw = np.linspace(np.pi, 0, 17)
    points = [(0.5 + 0.3 * np.cos(a), 0.38 + 0.42 * np.sin(a)) for a in jaw]
    points += [(0.26 + 0.045 * i, 0.27) for i in range(5)]
    points += [(0.56 + 0.045 * i, 0.27) for i in range(5)]
    points += [(0.5, 0.35 + 0.05 * i) for i in range(4)]
    points += [(0.44 + 0.03 * i, 0.54) for i in range(5)]
    for centre in (0.35, 0.65):
        turn = np.linspace(-np.pi, np.pi, 6, endpoint=False)
        points += [(centre + 0.05 * np.cos(a), 0.35 + 0.02 * np.sin(a)) for a in turn]
    for count, wide, high in ((12, 0.12, 0.05), (8, 0.09, 0.02)):
        turn = np.linspace(-np.pi, np.pi, count, endpoint=False)
        points += [(0.5 + wide * np.cos(a), 0.64 + high * np.sin(a)) for a in turn]
    return np.array(points, np.float32) * size


def face(size: int) -> np.ndarray:
    light = np.linspace(90, 200, size)[None, :, None] * np.array([1.0, 0.8, 0.7])
    return np.broadcast_to(light, (size, size, 3)).astype(np.uint8)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", KINDS)
def test_beside_the_mask_pixels_only_get_darker(kind, seed):
    bare = face(160)
    worn = wear_mask(bare, layout(160), np.random.default_rng(seed), kind)

    assert (worn.image[~worn.mask] <= bare[~worn.mask]).all()
    np.testing.assert_array_equal(worn.image[:10], bare[:10])  # far above the mask


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_mask_covers_the_mouth_but_not_the_eyes(kind, seed):
    points = layout(160)
    worn = wear_mask(face(160), points, np.random.default_rng(seed), kind)

    x, y = np.round(points[48:68]).astype(int).T
    assert worn.mask[y, x].all()
    for eye in (points[36:42], points[42:48]):
        x, y = np.round(eye.mean(axis=0)).astype(int)
        assert not worn.mask[y, x]


def test_a_mask_hides_what_was_under_it():
    points = layout(160)
    bare = face(160)
    freckled = bare.copy()
    freckled[100:104, 78:82] = 0  # on the mouth, which any mask covers

    worn = [wear_mask(image, points, np.random.default_rng(0)) for image in (bare, freckled)]

    inside = np.s_[96:108, 74:86]
    difference = worn[0].image[inside].astype(int) - worn[1].image[inside]
    assert np.abs(difference).max() < 40  # only the light measured on the face is left


def test_a_mask_casts_a_shadow():
    bare = face(160)
    worn = wear_mask(bare, layout(160), np.random.default_rng(1), "kf94")

    assert (worn.image < bare)[~worn.mask].any()


def test_the_same_seed_draws_the_same_mask():
    one, other = (wear_mask(face(96), layout(96), np.random.default_rng(7)) for _ in range(2))

    np.testing.assert_array_equal(one.image, other.image)
    np.testing.assert_array_equal(one.mask, other.mask)


def test_the_picture_given_stays_as_it_was():
    bare = face(96)
    wear_mask(bare, layout(96), np.random.default_rng(0))

    np.testing.assert_array_equal(bare, face(96))


def test_an_unknown_kind_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"surgical_blue.*printed"):
        wear_mask(face(64), layout(64), np.random.default_rng(0), "burqa")


def chin_gaps(independent: bool) -> np.ndarray:
    """Px from the lowest row of the mask to the chin, for many masks."""
    points, bare = layout(96), face(96)
    worn = [
        wear_mask(bare, points, np.random.default_rng(seed), "surgical_blue", independent)
        for seed in range(40)
    ]
    lowest = [np.flatnonzero(w.mask[:, 40:56].any(axis=1)).max() for w in worn]
    return np.array(lowest) - points[8, 1]


def test_an_independent_outline_tells_less_about_the_chin():
    assert chin_gaps(independent=True).std() > 1.3 * chin_gaps(independent=False).std()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [24, 64, 1000])
def test_faces_of_any_size_are_covered(kind, size):
    worn = wear_mask(face(size), layout(size), np.random.default_rng(0), kind)

    assert 0.08 < worn.mask.mean() < 0.75


def test_a_face_partly_outside_the_picture_is_drawn_as_far_as_it_shows():
    points = layout(128) + np.array([60, 10], np.float32)
    worn = wear_mask(face(128), points, np.random.default_rng(0), "cloth_plain")

    assert worn.mask[:, 70:].any()
    assert worn.image.shape == (128, 128, 3)


def test_a_face_wholly_outside_the_picture_leaves_it_alone():
    worn = wear_mask(face(64), layout(64) + 500, np.random.default_rng(0))

    assert not worn.mask.any()
    np.testing.assert_array_equal(worn.image, face(64))


def test_a_grey_photo_gets_a_grey_mask():
    grey = np.repeat(face(96)[..., :1], 3, axis=2)
    worn = wear_mask(grey, layout(96), np.random.default_rng(0), "surgical_blue")

    spread = np.ptp(worn.image.astype(int), axis=2)
    assert spread.max() <= 1


def test_blue_masks_are_bluer_than_green_ones():
    means = {}
    for kind in ("surgical_blue", "surgical_green"):
        worn = wear_mask(face(96), layout(96), np.random.default_rng(3), kind)
        means[kind] = worn.image[50:70, 40:56].reshape(-1, 3).mean(axis=0)

    blue, green = means["surgical_blue"], means["surgical_green"]
    assert blue[2] - blue[1] > green[2] - green[1]
