import cv2
import numpy as np
import pytest

from models.crop.frame import FRAME_PX, compose, crop_face, mask_to_photo, scale_affine
from models.paste.paste import FEATHER_PX, even_seam, paste_face


def soft_noise(height, width, sigma):
    rng = np.random.default_rng(0)
    blurred = cv2.GaussianBlur(rng.normal(0, 1, (height, width, 3)), (0, 0), sigma)
    return np.clip(128 + 40 * blurred / blurred.std(), 0, 255).astype(np.uint8)


def frame_at(left, top, face_px, turn_deg=0.0):
    """Photo px to frame px, for a frame that is `face_px` wide in the photo."""
    affine = cv2.getRotationMatrix2D((face_px / 2, face_px / 2), turn_deg, FRAME_PX / face_px)
    centre = np.array([(FRAME_PX - face_px) / 2] * 2)
    affine[:, 2] += centre - affine[:, :2] @ np.array([left, top])
    return affine.astype(np.float32)


def ellipse():
    mask = np.zeros((FRAME_PX, FRAME_PX), np.uint8)
    cv2.ellipse(mask, (128, 170), (70, 60), 0, 0, 360, 1, -1)
    return mask.astype(bool)


def reach(mask, affine, shape):
    """The mask in the photo, grown by the feather and one px of interpolation."""
    side = 2 * (FEATHER_PX + 1) + 1
    grown = cv2.dilate(mask.astype(np.uint8), np.ones((side, side), np.uint8)).astype(bool)
    near = mask_to_photo(grown, affine, shape).astype(np.uint8)
    return cv2.dilate(near, np.ones((3, 3), np.uint8)).astype(bool)


@pytest.mark.parametrize("face_px", [90, 256, 700])
def test_pixels_outside_of_the_feathered_mask_stay(face_px):
    photo = soft_noise(800, 900, 3)
    before, affine = photo.copy(), frame_at(60, 40, face_px, 12)

    paste_face(photo, np.full((FRAME_PX, FRAME_PX, 3), 255, np.uint8), ellipse(), affine)

    outside = ~reach(ellipse(), affine, photo.shape[:2])
    np.testing.assert_array_equal(photo[outside], before[outside])


@pytest.mark.parametrize("face_px", [90, 256, 700])
def test_the_patch_arrives_inside_of_the_mask(face_px):
    photo = soft_noise(800, 900, max(3, face_px / 100))  # it has no grain
    affine = frame_at(60, 40, face_px, 12)
    core = cv2.erode(ellipse().astype(np.uint8), np.ones((41, 41), np.uint8)).astype(bool)

    paste_face(photo, np.full((FRAME_PX, FRAME_PX, 3), 255, np.uint8), ellipse(), affine)

    assert photo[mask_to_photo(core, affine, photo.shape[:2])].min() > 250


@pytest.mark.parametrize("face_px", [90, 180, 256, 400, 700])
def test_a_crop_that_was_not_edited_leaves_the_photo_as_it_was(face_px):
    photo = soft_noise(800, 900, max(2.0, face_px / 100))
    before, affine = photo.copy(), frame_at(60.3, 40.7, face_px, 12)

    paste_face(photo, crop_face(photo, affine), ellipse(), affine)

    hole = mask_to_photo(ellipse(), affine, photo.shape[:2])
    assert np.abs(photo[hole].astype(int) - before[hole]).mean() < 3


@pytest.mark.parametrize(("left", "top"), [(-100, -60), (700, 500), (-90, 480)])
def test_a_face_may_reach_beyond_the_photo(left, top):
    photo = soft_noise(600, 800, 3)
    before, affine = photo.copy(), frame_at(left, top, 256)

    paste_face(photo, crop_face(photo, affine), np.ones((FRAME_PX, FRAME_PX), bool), affine)

    assert np.abs(photo.astype(int) - before).max() < 12


def test_a_face_outside_of_the_photo_changes_nothing():
    photo = soft_noise(100, 100, 3)
    before = photo.copy()

    paste_face(photo, soft_noise(FRAME_PX, FRAME_PX, 3), ellipse(), frame_at(5000, 5000, 256))

    np.testing.assert_array_equal(photo, before)


def test_an_empty_mask_changes_nothing():
    photo = soft_noise(300, 300, 3)
    before = photo.copy()
    nothing = np.zeros((FRAME_PX, FRAME_PX), bool)

    paste_face(photo, np.zeros((FRAME_PX, FRAME_PX, 3), np.uint8), nothing, frame_at(20, 20, 256))

    np.testing.assert_array_equal(photo, before)


def test_fine_patterns_do_not_alias_in_a_small_face():
    photo = np.full((100, 100, 3), 128, np.uint8)
    stripes = np.zeros((FRAME_PX, FRAME_PX, 3), np.uint8)
    stripes[:, ::2] = 255

    paste_face(photo, stripes, np.ones((FRAME_PX, FRAME_PX), bool), frame_at(10, 10, 60))

    assert photo[20:60, 20:60].std() < 12


def test_sharpening_raises_the_gradients_in_the_mask_only():
    photo = soft_noise(400, 400, 2)
    affine = frame_at(60, 60, 256)
    plain, sharp = photo.copy(), photo.copy()

    paste_face(plain, crop_face(photo, affine), ellipse(), affine)
    paste_face(sharp, crop_face(photo, affine), ellipse(), affine, sharpen=True)

    hole = mask_to_photo(ellipse(), affine, photo.shape[:2])
    energy = [np.abs(cv2.Sobel(x, cv2.CV_32F, 1, 0))[hole].mean() for x in (plain, sharp)]
    assert energy[1] > 1.1 * energy[0]
    outside = ~reach(ellipse(), affine, photo.shape[:2])
    np.testing.assert_array_equal(sharp[outside], photo[outside])


def step_at_edge(image, mask):
    inside = mask & ~cv2.erode(mask.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)
    outside = ~mask & cv2.dilate(mask.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)
    return abs(float(image[inside].mean()) - float(image[outside].mean()))


def test_a_step_in_tone_at_the_edge_is_evened_out():
    patch = np.full((FRAME_PX, FRAME_PX, 3), 150, np.uint8)
    patch[ellipse()] += 9

    assert step_at_edge(even_seam(patch, ellipse()), ellipse()) < 0.4 * step_at_edge(
        patch, ellipse()
    )


def test_an_outline_at_the_edge_stays():
    patch = np.full((FRAME_PX, FRAME_PX, 3), 60, np.uint8)
    patch[ellipse()] += 90

    np.testing.assert_allclose(even_seam(patch, ellipse()), patch, atol=1)


def test_evening_changes_the_masked_pixels_only():
    patch = soft_noise(FRAME_PX, FRAME_PX, 4)

    np.testing.assert_array_equal(even_seam(patch, ellipse())[~ellipse()], patch[~ellipse()])


@pytest.mark.parametrize("face_px", [180, 415, 850])
def test_a_finer_patch_lands_at_the_same_place(face_px):
    affine, plain = frame_at(60, 40, face_px, 12), np.zeros((1000, 1000, 3), np.uint8)
    finer, patch = plain.copy(), soft_noise(FRAME_PX, FRAME_PX, 6)
    larger = cv2.resize(patch, (2 * FRAME_PX, 2 * FRAME_PX), interpolation=cv2.INTER_CUBIC)

    paste_face(plain, patch, ellipse(), affine)
    paste_face(finer, larger, ellipse(), affine)

    assert np.abs(finer.astype(int) - plain).max() <= 6


def test_a_finer_patch_brings_more_detail_into_a_large_face():
    photo, affine = soft_noise(800, 800, 1.5), frame_at(40, 40, 600)
    crops = [crop_face(photo, compose(scale_affine(side), affine), side) for side in (256, 512)]
    hole = mask_to_photo(ellipse(), affine, photo.shape[:2])

    errors = []
    for crop in crops:
        pasted = photo.copy()
        paste_face(pasted, crop, ellipse(), affine)
        errors.append(np.abs(pasted.astype(int) - photo)[hole].mean())

    assert errors[1] < 0.5 * errors[0]


def test_a_step_at_the_edge_of_a_finer_patch_is_evened_out():
    patch = np.full((2 * FRAME_PX, 2 * FRAME_PX, 3), 150, np.uint8)
    mask = cv2.resize(ellipse().astype(np.uint8), (512, 512), interpolation=cv2.INTER_NEAREST) > 0
    patch[mask] += 9

    evened = even_seam(patch, ellipse())

    assert step_at_edge(evened, mask) < 0.5 * step_at_edge(patch, mask)
    np.testing.assert_array_equal(evened[~mask], patch[~mask])


def test_a_hole_that_leaves_the_frame_has_no_dark_edge():
    photo, patch = np.full((400, 600, 3), 200, np.uint8), np.full((256, 256, 3), 200, np.uint8)
    mask = np.zeros((256, 256), bool)
    mask[150:, :120] = True  # reaches the left and lower edges
    frame = np.array([[0.8, 0, -100.3], [0, 0.8, -40.6]], np.float32)

    paste_face(photo, patch, mask, frame)

    assert np.abs(photo.astype(int) - 200).max() <= 2
