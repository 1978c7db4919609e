import numpy as np
import pytest

from models.training.evaluation.marks import compare, correlation, mask_iou, ssim, unit

SIDE = 128


@pytest.fixture
def truth():
    rng = np.random.default_rng(0)
    coarse = rng.integers(60, 180, (SIDE // 8, SIDE // 8, 3))
    return np.kron(coarse, np.ones((8, 8, 1))).astype(np.uint8)


@pytest.fixture
def mask():
    covered = np.zeros((SIDE, SIDE), bool)
    covered[SIDE // 2 :, 16 : SIDE - 16] = True
    return covered


def rectangle(left, right, top=50, bottom=150, side=200):
    covered = np.zeros((side, side), bool)
    covered[top:bottom, left:right] = True
    return covered


def test_the_truth_itself_gets_full_marks(truth, mask):
    marks = compare(truth, truth, mask)

    assert marks.psnr == marks.hole_psnr == pytest.approx(100)
    assert marks.l1 == 0
    assert marks.ssim == marks.sharpness == marks.detail == pytest.approx(1)


def test_psnr_and_l1_are_those_of_the_known_error(truth, mask):
    marks = compare(truth + np.uint8(51), truth, mask)

    assert marks.psnr == pytest.approx(-20 * np.log10(0.2), abs=1e-4)
    assert marks.l1 == pytest.approx(0.2, abs=1e-6)


def test_an_error_in_the_hole_alone_is_diluted_by_the_rest(truth, mask):
    result = np.where(mask[..., None], truth + np.uint8(51), truth)

    marks = compare(result, truth, mask)

    assert marks.hole_psnr == pytest.approx(-20 * np.log10(0.2), abs=1e-4)
    assert marks.psnr == pytest.approx(marks.hole_psnr - 10 * np.log10(mask.mean()), abs=1e-4)


def test_an_error_outside_of_the_hole_leaves_its_marks_alone(truth, mask):
    result = np.where(mask[..., None], truth, 255 - truth)

    marks = compare(result, truth, mask)

    assert marks.hole_psnr == pytest.approx(100)
    assert marks.sharpness == marks.detail == pytest.approx(1)


def test_ssim_of_flat_pictures_is_that_of_their_means():
    a, b = np.full((2, 32, 32, 3), [[[[0.2]]], [[[0.6]]]], np.float32)

    expected = (2 * 0.2 * 0.6 + 0.01**2) / (0.2**2 + 0.6**2 + 0.01**2)
    assert ssim(a, b) == pytest.approx(expected, abs=1e-4)


def test_ssim_of_a_negative_is_negative(truth):
    values = unit(truth)
    middle = values.mean()

    assert ssim(values, 2 * middle - values) < 0


def test_half_the_contrast_is_half_as_sharp_with_all_the_detail(truth, mask):
    marks = compare(truth // 2, truth, mask)

    assert marks.sharpness == pytest.approx(0.5, abs=0.01)
    assert marks.detail == pytest.approx(1, abs=0.001)


def test_grain_raises_sharpness_and_lowers_detail(truth, mask):
    grain = np.random.default_rng(1).normal(0, 20, truth.shape)
    noisy = np.clip(truth + grain, 0, 255).astype(np.uint8)

    marks = compare(noisy, truth, mask)

    assert marks.sharpness > 1.1
    assert marks.detail < 0.9


def test_the_edge_of_the_hole_counts_neither_for_sharpness_nor_for_detail(truth, mask):
    deep = np.zeros_like(mask)
    deep[SIDE // 2 + 5 : -5, 21 : SIDE - 21] = True
    result = np.where(deep[..., None], truth, 0).astype(np.uint8)
    inner = np.zeros_like(mask)
    inner[SIDE // 2 + 8 : -8, 24 : SIDE - 24] = True

    assert compare(result, truth, inner).detail == pytest.approx(1)
    assert compare(result, truth, mask).detail < 1


def test_the_true_mask_has_an_iou_of_one():
    assert mask_iou(rectangle(50, 150), rectangle(50, 150)) == 1


def test_three_px_of_the_outline_are_not_counted():
    assert mask_iou(rectangle(53, 153), rectangle(50, 150)) == 1


def test_iou_of_a_shifted_mask_is_that_of_the_counted_pixels():
    # 94 x 94 px lie deep enough; 7 columns of them are missed, 7 x 100 px are too many.
    expected = 87 * 94 / (94 * 94 + 7 * 100)
    assert mask_iou(rectangle(60, 160), rectangle(50, 150)) == pytest.approx(expected, abs=0.002)


def test_a_missed_strap_costs_nothing():
    body = rectangle(50, 150)
    strap = rectangle(150, 200, 90, 95)

    assert mask_iou(body, body | strap) == 1


def test_a_mask_elsewhere_has_an_iou_of_zero():
    assert mask_iou(rectangle(155, 195), rectangle(5, 100)) == 0


def test_nothing_found_has_an_iou_of_zero():
    assert mask_iou(rectangle(0, 0), rectangle(50, 150)) == 0


def test_correlation_does_not_see_brightness_and_contrast(truth, mask):
    assert correlation(truth // 2 + np.uint8(40), truth, mask) == pytest.approx(1, abs=0.001)


def test_correlation_with_the_negative_is_minus_one(truth, mask):
    assert correlation(255 - truth, truth, mask) == pytest.approx(-1, abs=1e-5)


def test_correlation_looks_inside_the_mask_only(truth, mask):
    mixed = np.where(mask[..., None], truth, 255 - truth)

    assert correlation(mixed, truth, mask) == pytest.approx(1)
