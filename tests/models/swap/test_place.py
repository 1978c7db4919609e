import cv2
import numpy as np
import pytest

from models.crop.frame import transform
from models.landmarks.order import MOUTH
from models.swap.place import hidden_points, mesh_target, register

CHIN = 8


def turned(degrees=4.0, scale=1.05, shift=(3, -4)):
    affine = cv2.getRotationMatrix2D((128, 128), degrees, scale)
    affine[:, 2] += shift
    return affine.astype(np.float32)


def moved(picture, affine):
    size = picture.shape[1::-1]
    return cv2.warpAffine(picture, affine, size, borderMode=cv2.BORDER_REFLECT_101)


def miss(laid, points, true):
    return np.linalg.norm(transform(points, laid) - transform(points, true), axis=1).max()


def test_exact_landmarks_give_the_similarity(texture, landmarks, hole):
    photo = moved(texture(0), turned())

    laid = register(texture(0), landmarks, photo, transform(landmarks, turned()), hole)

    assert miss(laid, landmarks, turned()) < 0.5


def test_visible_pixels_put_the_landmarks_error_right(texture, landmarks, hole):
    photo = moved(texture(0), turned())
    guessed = transform(landmarks, turned()) + np.array([3, -2], np.float32)

    laid = register(texture(0), landmarks, photo, guessed, hole)

    assert miss(laid, landmarks, turned()) < 0.5


def test_hidden_pixels_do_not_count(texture, landmarks, hole):
    photo = texture(0)
    covered = np.where(hole[..., None], texture(1), photo)

    laid = register(photo, landmarks, covered, landmarks, hole)

    assert miss(laid, landmarks, np.eye(2, 3)) < 0.5


def test_the_mask_does_not_hold_the_reference_back(texture, landmarks, hole):
    photo = moved(texture(0), turned(degrees=3, scale=1.0))
    covered = np.where(hole[..., None], (40, 90, 160), photo).astype(np.uint8)
    guessed = transform(landmarks, turned(degrees=3, scale=1.0)) + np.array([4, -3], np.float32)

    laid = register(texture(0), landmarks, covered, guessed, hole)

    assert miss(laid, landmarks, turned(degrees=3, scale=1.0)) < 0.15


def test_another_light_does_not_matter(texture, landmarks, hole):
    darker = np.clip(texture(0) * np.array([0.5, 0.6, 0.8]) + 10, 0, 255).astype(np.uint8)

    laid = register(darker, landmarks, texture(0), landmarks + 2, hole)

    assert miss(laid, landmarks, np.eye(2, 3)) < 0.5


@pytest.mark.parametrize("other", [1, None])
def test_without_anything_in_common_the_landmarks_decide(texture, landmarks, hole, other):
    photo = np.full((256, 256, 3), 90, np.uint8) if other is None else texture(other)

    laid = register(texture(0), landmarks, photo, transform(landmarks, turned()), hole)

    assert miss(laid, landmarks, turned()) < 80 * 0.12 + 1


def test_a_hidden_face_is_laid_by_all_points(texture, landmarks):
    everything = np.ones((256, 256), bool)

    laid = register(texture(0), landmarks, texture(1), transform(landmarks, turned()), everything)

    assert miss(laid, landmarks, turned()) < 0.1


def test_hidden_points_do_not_count(landmarks, hole):
    grey, guessed = np.full((256, 256, 3), 90, np.uint8), landmarks.copy()
    guessed[hidden_points(landmarks, hole)] += (9, 15)

    laid = register(grey, landmarks, grey, guessed, hole)

    assert miss(laid, landmarks, np.eye(2, 3)) < 0.1


@pytest.mark.parametrize(
    ("point", "is_hidden"),
    [((-30, 120), False), ((290, 120), False), ((9, 300), True), ((9, -20), False)],
)
def test_a_point_beyond_the_frame_is_as_hidden_as_the_edge_beside_it(point, is_hidden):
    hole = np.zeros((256, 256), bool)
    hole[110:, 1:255] = True

    assert hidden_points(np.array([point], np.float32), hole).tolist() == [is_hidden]


def test_the_reference_tells_where_the_hidden_chin_is(landmarks, hole):
    guessed = landmarks.copy()
    guessed[CHIN] += 9

    target = mesh_target(landmarks, guessed, np.eye(2, 3, dtype=np.float32), hole)

    np.testing.assert_allclose(target[CHIN], landmarks[CHIN], atol=0.1)


def test_behind_a_hole_that_hides_all_the_photos_points_count(landmarks):
    guessed, everything = landmarks.copy(), np.ones((256, 256), bool)
    guessed[CHIN] += 9

    target = mesh_target(landmarks, guessed, np.eye(2, 3, dtype=np.float32), everything)

    np.testing.assert_allclose(target[CHIN], guessed[CHIN], atol=0.1)


def test_a_turned_head_follows_the_photos_points(landmarks, hole):
    squeezed = landmarks * np.array([0.6, 1], np.float32) + np.array([51, 0], np.float32)

    target = mesh_target(landmarks, squeezed, np.eye(2, 3, dtype=np.float32), hole)

    outside = ~hidden_points(squeezed, hole)
    outside[MOUTH] = False
    np.testing.assert_allclose(target[outside], squeezed[outside], atol=0.1)


def test_the_mouth_keeps_its_shape(landmarks, hole):
    grin = landmarks * np.array([0.6, 1], np.float32) + np.array([51, 0], np.float32)
    grin[MOUTH, 1] = 170 + 3 * (landmarks[MOUTH, 1] - 170)

    target = mesh_target(landmarks, grin, np.eye(2, 3, dtype=np.float32), hole)

    own, got = landmarks[MOUTH], target[MOUTH]
    ratio = [np.ptp(points[:, 0]) / np.ptp(points[:, 1]) for points in (own, got)]
    assert ratio[0] == pytest.approx(ratio[1], rel=0.01)


@pytest.mark.parametrize(("share", "counts"), [(0.05, False), (0.3, True)])
def test_a_reference_turned_far_more_follows_the_photos_points(landmarks, hole, share, counts):
    turned, guessed = landmarks.copy(), landmarks.copy()
    turned[27:36, 0] += share * 80
    guessed[CHIN] += 9

    target = mesh_target(turned, guessed, np.eye(2, 3, dtype=np.float32), hole)

    np.testing.assert_allclose(target[CHIN], (guessed if counts else landmarks)[CHIN], atol=0.1)
