import cv2
import numpy as np

from models.inpaint.lift import lift_detail, lift_large

SIZE = 256


def soft_face(sigma):
    blurred = cv2.GaussianBlur(
        np.random.default_rng(0).normal(0, 1, (SIZE, SIZE, 3)), (0, 0), sigma
    )
    return np.clip(128 + 20 * blurred / blurred.std(), 0, 255).astype(np.uint8)


def hole():
    mask = np.zeros((SIZE, SIZE), np.uint8)
    cv2.ellipse(mask, (128, 170), (70, 60), 0, 0, 360, 1, -1)
    return mask.astype(bool)


def core():
    return cv2.erode(hole().astype(np.uint8), np.ones((51, 51), np.uint8)).astype(bool)


def energy(face, where):
    grey = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY)
    return float(np.abs(cv2.Sobel(grey, cv2.CV_32F, 1, 0))[where].mean())


def test_what_was_not_painted_stays():
    face = soft_face(3)

    np.testing.assert_array_equal(lift_detail(face, hole())[~hole()], face[~hole()])


def test_what_was_painted_has_more_contrast():
    face = soft_face(5)

    assert energy(lift_detail(face, hole()), core()) > 1.1 * energy(face, core())


def test_the_finest_grain_goes():
    grain = np.random.default_rng(0).normal(0, 6, (SIZE, SIZE, 1))
    face = (128 + np.broadcast_to(grain, (SIZE, SIZE, 3))).astype(np.uint8)

    assert energy(lift_detail(face, hole()), core()) < 0.6 * energy(face, core())


def test_an_even_face_stays_even():
    face = np.full((SIZE, SIZE, 3), 150, np.uint8)

    np.testing.assert_array_equal(lift_detail(face, hole()), face)


def test_contrast_grows_from_the_edge_inwards():
    face = soft_face(5)
    rim = hole() & ~cv2.erode(hole().astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)

    change = np.abs(lift_detail(face, hole()).astype(int) - face)

    assert change[rim].mean() < 0.5 * change[core()].mean()


def test_colours_do_not_drift():
    face = soft_face(5)
    lifted = lift_detail(face, hole()).astype(int)

    smoothed = cv2.GaussianBlur(face, (0, 0), 1.0).astype(int)
    for channel in (1, 2):
        change = (lifted[..., channel] - lifted[..., 0]) - (
            smoothed[..., channel] - smoothed[..., 0]
        )
        assert np.abs(change[core()]).max() <= 2


def test_without_a_hole_nothing_changes():
    face = soft_face(3)

    for lift in (lift_detail, lift_large):
        np.testing.assert_array_equal(lift(face, np.zeros_like(hole())), face)


def test_a_large_face_loses_grain_and_keeps_its_edges():
    face = np.full((SIZE, SIZE, 3), 120, np.uint8)
    face[:, 128:] = 160
    grain = np.random.default_rng(0).normal(0, 3, (SIZE, SIZE, 1))
    grainy = np.clip(face + grain, 0, 255).astype(np.uint8)
    edge, plain = core().copy(), core().copy()
    edge[:, :126], edge[:, 130:] = False, False
    plain[:, 118:138] = False

    large = lift_large(grainy, hole())

    assert energy(large, plain) < 0.5 * energy(grainy, plain)
    assert energy(large, edge) > 0.9 * energy(grainy, edge)
    np.testing.assert_array_equal(large[~hole()], grainy[~hole()])


def test_a_large_face_has_more_contrast():
    face = soft_face(10)

    assert energy(lift_large(face, hole()), core()) > 1.03 * energy(face, core())
