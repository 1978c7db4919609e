import cv2
import numpy as np
import pytest

from models.crop.frame import fit_similarity, scale_affine, transform
from models.errors import ReferencePhotoError
from models.swap import swap
from models.swap.pose import mirrored
from models.swap.reference import Reference
from models.swap.swap import check_not_cut_off, check_not_small, swap_face, warp_reference
from models.swap.warp import at_size
from tests.models.swap.test_warp import CHIN, dot_at

WAYS = [(warp, blend) for warp in ("mesh", "2d") for blend in ("feather", "poisson")]


@pytest.fixture
def reference_landmarks(landmarks):
    return landmarks + np.random.default_rng(0).normal(0, 2, (68, 2)).astype(np.float32)


def correlation(one, other, where):
    return np.corrcoef(one[where].mean(axis=1), other[where].mean(axis=1))[0, 1]


@pytest.mark.parametrize(("warp", "blend"), WAYS)
def test_pixels_beyond_the_mask_stay(texture, landmarks, hole, reference_landmarks, warp, blend):
    painted, reference = texture(0), Reference(texture(1), reference_landmarks)

    swapped = swap_face(painted, landmarks, hole, reference, warp, blend)

    np.testing.assert_array_equal(swapped[~hole], painted[~hole])


@pytest.mark.parametrize(("warp", "blend"), WAYS)
def test_the_hole_shows_the_reference_rather_than_the_painting(
    texture, landmarks, hole, reference_landmarks, warp, blend
):
    painted, reference = texture(0), Reference(texture(1), reference_landmarks)

    swapped = swap_face(painted, landmarks, hole, reference, warp, blend)

    warped = warp_reference(reference, painted, landmarks, hole, warp)
    assert correlation(swapped, warped, hole) > correlation(swapped, painted, hole)


def test_the_same_face_comes_back(texture, landmarks, hole):
    swapped = swap_face(texture(0), landmarks, hole, Reference(texture(0), landmarks))

    assert np.abs(swapped.astype(int) - texture(0)).mean() < 2


def test_an_empty_mask_changes_nothing(texture, landmarks):
    nothing = np.zeros((256, 256), bool)

    swapped = swap_face(texture(0), landmarks, nothing, Reference(texture(1), landmarks))

    np.testing.assert_array_equal(swapped, texture(0))


@pytest.mark.parametrize(("warp", "blend"), WAYS)
def test_a_finer_reference_gives_a_finer_result(texture, landmarks, hole, warp, blend):
    rng = np.random.default_rng(0)
    fine = np.clip(at_size(texture(0), 512) + rng.normal(0, 20, (512, 512, 1)), 0, 255)
    reference = Reference(fine.astype(np.uint8), landmarks)

    swapped = swap_face(texture(0), landmarks, hole, reference, warp, blend)

    core = (slice(320, 360), slice(236, 276))
    assert swapped.shape == (512, 512, 3)
    assert np.corrcoef(swapped[core].ravel(), fine[core].ravel())[0, 1] > 0.9


def test_a_finer_result_shows_the_same_as_a_coarse_one(texture, landmarks, hole):
    finer = Reference(at_size(texture(1), 512), landmarks)
    coarse = swap_face(texture(0), landmarks, hole, Reference(texture(1), landmarks))

    fine = swap_face(texture(0), landmarks, hole, finer)

    assert np.abs(at_size(fine, 256).astype(int) - coarse).mean() < 1.5


def test_a_turned_and_shifted_reference_comes_to_its_place(texture, landmarks, hole):
    affine = cv2.getRotationMatrix2D((128, 128), 5, 1.0).astype(np.float32)
    turned = cv2.warpAffine(texture(0), affine, (256, 256), borderMode=cv2.BORDER_REFLECT_101)
    reference = Reference(turned, transform(landmarks, affine))

    swapped = swap_face(texture(0), landmarks, hole, reference)

    assert np.abs(swapped.astype(int) - texture(0))[hole].mean() < 3


@pytest.mark.parametrize("warp", ["mesh", "2d"])
def test_a_mesh_bends_the_face_to_the_landmarks_and_2d_only_moves_it(texture, landmarks, warp):
    everything, guessed = np.ones((256, 256), bool), landmarks.copy()
    guessed[CHIN, 1] += 12
    reference = Reference(dot_at(landmarks[CHIN]), landmarks)

    warped = warp_reference(reference, texture(0), guessed, everything, warp)

    brightest = np.unravel_index(warped[..., 0].argmax(), (256, 256))[::-1]
    moved = transform(landmarks, fit_similarity(landmarks, guessed))
    target = guessed if warp == "mesh" else moved
    np.testing.assert_allclose(brightest, target[CHIN], atol=1)


@pytest.mark.parametrize("blend", ["feather", "poisson"])
def test_the_blend_is_the_one_that_was_asked_for(texture, landmarks, hole, blend, monkeypatch):
    monkeypatch.setattr(swap, blend, lambda *_: "blended")

    swapped = swap_face(texture(0), landmarks, hole, Reference(texture(1), landmarks), blend=blend)

    assert swapped == "blended"


def cut(rows):
    """Corners of a photo that shows only the frame's first rows."""
    return np.array([(-0.5, -0.5), (255.5, -0.5), (-0.5, rows - 0.5)], np.float32)


@pytest.mark.parametrize("warp", ["mesh", "2d"])
def test_what_lies_beyond_the_references_photo_stays_painted(texture, landmarks, hole, warp):
    painted, own = texture(0), texture(1)
    own[195:] = (255, 0, 255)

    swapped = swap_face(painted, landmarks, hole, Reference(own, landmarks, cut(195)), warp)

    mouth = np.zeros_like(hole)
    mouth[150:180, 100:150] = True
    np.testing.assert_array_equal(swapped[200:], painted[200:])
    assert correlation(swapped, own, mouth) > 0.9


def test_a_reference_that_is_cut_off_is_registered_by_what_it_shows(texture, landmarks, hole):
    reference = Reference(texture(0), landmarks + np.array([3, -2], np.float32), cut(195))

    warped = swap_face(texture(0), landmarks, hole, reference)

    assert np.abs(warped[:190].astype(int) - texture(0)[:190])[hole[:190]].mean() < 3


def test_what_lies_beyond_the_references_photo_does_not_tell_the_light(texture, landmarks, hole):
    painted, own = texture(0), texture(0)
    hole[:, :] = False
    hole[140:190, 80:176] = True  # above the chin; both show it
    own[200:] //= 4

    swapped = swap_face(painted, landmarks, hole, Reference(own, landmarks, cut(200)))

    assert np.abs(swapped.astype(int) - painted)[hole].mean() < 2


def test_a_photo_that_goes_beyond_the_frame_changes_no_swap(texture, landmarks, hole):
    whole = np.array([(-90, -80), (400, -80), (-90, 500)], np.float32)

    swapped = swap_face(texture(0), landmarks, hole, Reference(texture(1), landmarks, whole))

    plain = swap_face(texture(0), landmarks, hole, Reference(texture(1), landmarks))
    np.testing.assert_array_equal(swapped, plain)


@pytest.mark.parametrize("rows", [175, 184])
def test_a_reference_whose_mouth_lies_at_its_edge_is_refused(landmarks, rows):
    assert landmarks[48:].max(axis=0)[1] == 182

    with pytest.raises(ReferencePhotoError, match="cuts the face off"):
        check_not_cut_off(landmarks, cut(rows))


def test_a_reference_whose_eye_is_cut_off_is_refused(landmarks):
    with pytest.raises(ReferencePhotoError):
        check_not_cut_off(landmarks, np.array([(0, 0), (175, 0), (0, 255)], np.float32))


def test_a_reference_whose_face_is_tiny_is_refused():
    with pytest.raises(ReferencePhotoError, match=r"16 px apart: .* at least 18 px"):
        check_not_small(scale_affine(256 * 5))


def test_a_reference_may_be_small():
    check_not_small(scale_affine(256 * 4))


def test_a_reference_may_lack_its_chin(landmarks):
    check_not_cut_off(landmarks, cut(190))


@pytest.fixture
def to_the_right(landmarks):
    turned = landmarks.copy()
    turned[27:36, 0] += 20
    return turned


@pytest.mark.parametrize(("warp", "blend"), WAYS)
def test_a_selfie_that_is_mirrored_gives_what_the_photo_itself_gives(
    texture, to_the_right, hole, warp, blend
):
    corners = np.array([(-40, -40), (240, -40), (-40, 300)], np.float32)
    painted, reference = texture(0), Reference(texture(1), to_the_right, corners)
    selfie = mirrored(reference)

    swapped = swap_face(painted, to_the_right, hole, selfie, warp, blend)

    plain = swap_face(painted, to_the_right, hole, reference, warp, blend)
    assert np.abs(swapped.astype(int) - plain).max() <= 1
    warped = warp_reference(selfie, painted, to_the_right, hole, warp)
    assert correlation(warped, reference.face, hole) > 0.99


def test_a_mirrored_face_that_looks_ahead_is_taken_as_it_is(texture, landmarks, hole):
    selfie = mirrored(Reference(texture(1), landmarks))

    warped = warp_reference(selfie, texture(0), landmarks, hole)

    assert correlation(warped, selfie.face, hole) > correlation(warped, texture(1), hole) + 0.5


def test_a_cheek_that_the_reference_hides_stays_painted(texture, landmarks, hole):
    own = landmarks.copy()
    own[27:36, 0] += 30
    own[9:17, 0] -= 45 * (own[9:17, 0] - 128) / 74  # the cheek on the right is half as wide

    swapped = swap_face(texture(0), landmarks, hole, Reference(texture(1), own))

    near, far = (slice(140, 165), slice(70, 85)), (slice(140, 165), slice(172, 187))
    assert np.abs(swapped.astype(int) - texture(0))[far].mean() < 2
    assert np.abs(swapped.astype(int) - texture(0))[near].mean() > 10


def test_a_hazy_photo_gets_a_reference_as_hazy(texture, landmarks, hole):
    def hazy(face):
        return np.rint(face * 0.2 + 150).astype(np.uint8)

    swapped = swap_face(hazy(texture(0)), landmarks, hole, Reference(texture(0), landmarks))

    assert np.abs(swapped.astype(int) - hazy(texture(0)))[hole].mean() < 3
    np.testing.assert_array_equal(swapped[~hole], hazy(texture(0))[~hole])


def test_dark_lenses_do_not_darken_the_swapped_part(texture, landmarks, hole):
    painted = texture(0)
    painted[60:100, 50:120] = painted[60:100, 136:206] = 10

    swapped = swap_face(painted, landmarks, hole, Reference(texture(0), landmarks))

    assert np.abs(swapped[hole].astype(int) - texture(0)[hole]).mean() < 5


def with_lenses(face):
    """The face in sunglasses, whose rims reach into the hole."""
    worn = face.copy()
    for x in (88, 168):
        cv2.ellipse(worn, (x, 90), (34, 32), 0, 0, 360, (12, 12, 14), -1)
    return worn


@pytest.mark.parametrize("is_mirrored", [False, True])
def test_a_reference_in_sunglasses_neither_glares_nor_shows_them(
    texture, to_the_right, hole, is_mirrored
):
    painted, reference = texture(0), Reference(with_lenses(texture(0)), to_the_right)

    swapped = swap_face(
        painted, to_the_right, hole, mirrored(reference) if is_mirrored else reference
    )

    apart = np.abs(swapped[hole].astype(int) - painted[hole])
    assert apart.mean() < 5
    assert np.percentile(apart, 99.9) < 40


@pytest.mark.parametrize("haze", [(0.2, 180), (0.15, 110)])
def test_a_hazy_reference_gives_as_clear_a_face_as_a_clear_one(texture, landmarks, hole, haze):
    contrast, veil = haze
    hazy = np.rint(texture(0) * contrast + veil).astype(np.uint8)

    swapped = swap_face(texture(0), landmarks, hole, Reference(hazy, landmarks))

    assert correlation(swapped, texture(0), hole) > 0.9
    assert swapped[hole].std() > 0.8 * texture(0)[hole].std()
