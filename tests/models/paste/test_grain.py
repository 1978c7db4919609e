import numpy as np
import pytest

from models.crop.frame import FRAME_PX, face_oval, mask_to_photo
from models.paste.grain import SHARE, add_grain
from tests.models.paste.test_paste import ellipse, frame_at

GREY = 128


def grainy_photo(sigma):
    noise = np.random.default_rng(1).normal(0, sigma, (900, 900, 1))
    return np.clip(np.rint(GREY + noise), 0, 255).astype(np.uint8).repeat(3, axis=2)


def plain_face(side=300):
    return np.full((side, side, 3), GREY, np.uint8)


@pytest.mark.parametrize("face_px", [500, 800])
def test_a_plain_face_gets_a_share_of_the_skins_grain(face_px):
    face = add_grain(
        plain_face(700), grainy_photo(16), ellipse(), frame_at(50, 50, face_px), FRAME_PX
    )

    # Nearly all white noise is in the bands that a patch of 256 px lacks.
    assert 0.75 * SHARE * 16 < face[..., 0].std() < 1.1 * SHARE * 16
    assert abs(face.mean() - GREY) < 0.5


def test_grain_is_in_the_light_alone():
    face = add_grain(plain_face(), grainy_photo(16), ellipse(), frame_at(50, 50, 600), FRAME_PX)

    assert (face == face[..., :1]).all()


@pytest.mark.parametrize(
    ("face_px", "patch_px"), [(200, FRAME_PX), (310, FRAME_PX), (600, 2 * FRAME_PX)]
)
def test_a_patch_as_fine_as_the_photo_stays(face_px, patch_px):
    affine = frame_at(50, 50, face_px)

    face = add_grain(plain_face(), grainy_photo(16), ellipse(), affine, patch_px)

    np.testing.assert_array_equal(face, plain_face())


def test_smooth_skin_adds_nothing():
    face = add_grain(plain_face(), grainy_photo(0), ellipse(), frame_at(50, 50, 600), FRAME_PX)

    np.testing.assert_array_equal(face, plain_face())


@pytest.mark.parametrize("place", [(50, -560), (2000, 50), (50, 880)])
def test_skin_beyond_the_photo_adds_nothing(place):
    affine = frame_at(*place, 600)

    face = add_grain(plain_face(), grainy_photo(16), ellipse(), affine, FRAME_PX)

    np.testing.assert_array_equal(face, plain_face())


def test_the_same_photo_gives_the_same_picture():
    asked = (grainy_photo(16), ellipse(), frame_at(50, 50, 600, 20), FRAME_PX)

    np.testing.assert_array_equal(add_grain(plain_face(), *asked), add_grain(plain_face(), *asked))


def test_edges_in_the_skin_hardly_count():
    photo = grainy_photo(4)
    photo[::40] = 0  # strands of hair

    face = add_grain(plain_face(), photo, ellipse(), frame_at(50, 50, 600), FRAME_PX)

    assert face.std() < 2 * SHARE * 4


def test_only_the_grain_of_skin_counts():
    photo, affine = grainy_photo(16), frame_at(50, 50, 600, 45)
    photo[mask_to_photo(face_oval() & ~ellipse(), affine, photo.shape[:2])] = GREY

    face = add_grain(plain_face(), photo, ellipse(), affine, FRAME_PX)

    np.testing.assert_array_equal(face, plain_face())
