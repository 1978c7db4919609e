import numpy as np
import pytest

from models.crop.frame import (
    FRAME_PX,
    compose,
    crop_face,
    face_oval,
    fit_frame,
    five_points,
    invert,
    is_cut_off,
    mask_to_photo,
    scale_affine,
    scale_of,
    show_more_below,
    transform,
)
from tests.conftest import CANONICAL


def turned(points, degrees, scale, shift):
    angle = np.deg2rad(degrees)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (points @ turn.T + shift).astype(np.float32)


def test_canonical_points_stay_where_they_are():
    np.testing.assert_allclose(fit_frame(CANONICAL), np.eye(2, 3), atol=1e-4)


@pytest.mark.parametrize("degrees", [-170, -30, 0, 45, 90])
def test_any_turn_scale_and_shift_is_undone(degrees):
    points = turned(CANONICAL, degrees, 3.7, (500, -40))

    back = transform(points, fit_frame(points))

    np.testing.assert_allclose(back, CANONICAL, atol=1e-2)


def test_the_frame_never_mirrors_or_shears():
    points = CANONICAL + np.random.default_rng(0).normal(0, 15, (5, 2)).astype(np.float32)

    linear = fit_frame(points)[:, :2]

    assert np.linalg.det(linear) > 0
    scale = np.linalg.norm(linear[:, 0])
    np.testing.assert_allclose(linear.T @ linear, scale**2 * np.eye(2), atol=1e-4)


def test_five_points_of_68():
    landmarks = np.zeros((68, 2), np.float32)
    landmarks[36:42], landmarks[42:48] = (10, 20), (30, 20)
    landmarks[30], landmarks[48], landmarks[54] = (20, 30), (12, 40), (28, 40)

    expected = [(10, 20), (30, 20), (20, 30), (12, 40), (28, 40)]
    np.testing.assert_array_equal(five_points(landmarks), expected)


def test_invert_and_compose_cancel():
    affine = fit_frame(turned(CANONICAL, 20, 2.0, (30, 40)))

    np.testing.assert_allclose(compose(invert(affine), affine), np.eye(2, 3), atol=1e-4)


def test_a_longer_frame_keeps_its_upper_edge_and_shows_more_below():
    frame = fit_frame(turned(CANONICAL, 20, 3.0, (500, 300)))

    longer = show_more_below(frame)

    top, bottom = np.array([(127.5, -0.5), (127.5, 255.5)], np.float32)
    np.testing.assert_allclose(transform(transform(top, invert(frame)), longer), top, atol=0.01)
    assert 220 < transform(transform(bottom, invert(frame)), longer)[1] < 235
    assert scale_of(longer) == pytest.approx(0.88 * scale_of(frame))


@pytest.mark.parametrize(
    ("columns", "height", "cut"), [(40, 300, True), (40, 257, False), (6, 300, False)]
)
def test_a_mask_is_cut_off_where_it_leaves_the_frame_within_the_photo(columns, height, cut):
    mask = np.zeros((FRAME_PX, FRAME_PX), bool)
    mask[200:, 100 : 100 + columns] = True

    assert is_cut_off(mask, np.eye(2, 3, dtype=np.float32), (height, 256)) == cut


def test_a_mask_is_cut_off_though_its_mirror_image_beyond_the_photo_is_longer():
    mask = np.zeros((FRAME_PX, FRAME_PX), bool)
    mask[200:, 60:256] = True  # the photo ends at column 110

    assert is_cut_off(mask, np.eye(2, 3, dtype=np.float32), (400, 110))
    assert not is_cut_off(mask, np.eye(2, 3, dtype=np.float32), (400, 65))


def test_scale_keeps_the_corners_of_the_picture():
    corner = np.array([(-0.5, -0.5), (FRAME_PX - 0.5, FRAME_PX - 0.5)], np.float32)

    np.testing.assert_allclose(transform(corner, scale_affine(128)), [(-0.5, -0.5), (127.5, 127.5)])
    assert scale_of(scale_affine(128)) == pytest.approx(0.5)


def test_crop_of_the_canonical_frame_is_the_picture_itself():
    picture = np.random.default_rng(0).integers(0, 256, (FRAME_PX, FRAME_PX, 3), dtype=np.uint8)

    np.testing.assert_array_equal(crop_face(picture, np.eye(2, 3, dtype=np.float32)), picture)


def test_shrinking_averages_instead_of_skipping():
    stripes = np.zeros((2048, 2048, 3), np.uint8)
    stripes[:, ::2] = 255

    crop = crop_face(
        stripes, scale_affine(FRAME_PX) @ np.diag([1 / 8, 1 / 8, 1]).astype(np.float32)
    )

    assert np.abs(crop.astype(int) - 127).max() < 12


def test_beyond_the_photo_the_crop_shows_its_mirror_image():
    photo = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)

    crop = crop_face(photo, np.array([[1, 0, 20], [0, 1, 0]], np.float32))

    np.testing.assert_array_equal(crop[:, 20:], photo[:256, :236])
    np.testing.assert_array_equal(crop[:, :20], photo[:256, 20:0:-1])


def test_beyond_a_photo_that_fills_little_of_the_crop_its_edge_is_repeated():
    photo = np.random.default_rng(0).integers(0, 256, (256, 20, 3), dtype=np.uint8)

    crop = crop_face(photo, np.array([[1, 0, 100], [0, 1, 0]], np.float32))

    np.testing.assert_array_equal(crop[:, 100:120], photo)
    assert (crop[:, :100] == photo[:, :1]).all()
    assert (crop[:, 120:] == photo[:, -1:]).all()


@pytest.mark.parametrize("shift", [(-4000, 0), (100, 5000)])
def test_a_face_beyond_the_photo_still_gives_a_crop(shift):
    photo = np.full((50, 60, 3), 77, np.uint8)

    crop = crop_face(photo, fit_frame(turned(CANONICAL, 10, 1.0, shift)))

    assert crop.shape == (FRAME_PX, FRAME_PX, 3)
    assert (crop == 77).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (3, 3)])
def test_a_photo_of_a_few_pixels_ends_soon(shape):
    photo = np.full((*shape, 3), 77, np.uint8)

    crop = crop_face(photo, fit_frame(turned(CANONICAL, 10, 1.0, (900, 900))))

    assert (crop == 77).all()


@pytest.mark.parametrize("scale", [0.2, 1.0, 4.0])
def test_a_mask_keeps_its_place_and_area_in_the_photo(scale):
    affine = fit_frame(turned(CANONICAL, 0, scale, (100, 80)))
    mask = np.zeros((FRAME_PX, FRAME_PX), bool)
    mask[130:210, 70:190] = True

    found = mask_to_photo(mask, affine, (1300, 1300))

    rows, columns = np.nonzero(found)
    centre = np.array([(columns.mean(), rows.mean())])
    np.testing.assert_allclose(
        transform(centre, affine), [(129.5, 169.5)], atol=max(1, 0.5 / scale)
    )
    assert found.sum() == pytest.approx(mask.sum() * scale**2, rel=0.05)


@pytest.mark.parametrize("side", [FRAME_PX // 2, FRAME_PX])
def test_the_oval_of_the_face_contains_the_five_points_but_not_the_frames_edge(side):
    oval = face_oval(side)

    x, y = (CANONICAL * side / FRAME_PX).astype(int).T
    assert oval[y, x].all()
    assert not np.concatenate([oval[[0, -1]], oval[:, [0, -1]].T]).any()
