import asyncio

import numpy as np
import pytest

from models.clock import Clock
from models.crop.detect import THUMB_PX, Face
from models.errors import BadRequestError, DrawnMaskError, NoFaceError, ReferencePhotoError
from models.landmarks.guess import Wish
from models.mask.detect import MaskFinding
from models.outcome import photo_mask
from models.pipeline import Options, find_faces, find_masks, unmask
from tests.conftest import CANONICAL
from tests.models.fakes import GREEN, RED, FakeStages, drawn_mask, grey_photo, run


def test_a_masked_face_is_painted_and_the_rest_stays():
    photo = grey_photo()

    result = run(unmask(photo, FakeStages([(100, 100)]), Options()))

    red = (result.painted[..., 0] > 200) & (result.painted[..., 1] < 60)
    assert red[250:290, 200:260].all()
    assert (result.painted[:200] == 128).all()
    assert (photo.pixels == 128).all()
    assert result.changed
    assert result.swapped is None


def test_each_candidate_is_a_whole_photo_of_its_own():
    options = Options(wish=Wish("smile", 3))

    result = run(unmask(grey_photo(), FakeStages([(0, 0), (350, 350)]), options))

    reds = [(int(c[165, 130, 0]), int(c[515, 480, 0])) for c in result.candidates]
    assert reds == [(255, 255), (205, 205), (155, 155)]
    assert result.painted is result.candidates[0]


def test_the_wish_reaches_the_painter():
    class Listening(FakeStages):
        async def paint(self, face, hole, wish):
            self.wish = wish
            return await super().paint(face, hole, wish)

    stages = Listening([(100, 100)])

    run(unmask(grey_photo(), stages, Options(wish=Wish("neutral", 2))))

    assert stages.wish == Wish("neutral", 2)


def test_where_nobody_wears_a_mask_there_is_one_candidate():
    options = Options(wish=Wish(candidates=4))

    result = run(unmask(grey_photo(), FakeStages([(100, 100)], [0.1]), options))

    assert len(result.candidates) == 1


def test_the_reference_is_swapped_into_the_first_candidate_only():
    stages, options = FakeStages([(100, 100)], [0.1, 0.9]), Options(wish=Wish(candidates=2))

    result = run(unmask(grey_photo(), stages, options, reference=grey_photo()))

    assert stages.calls.count("swap") == 1
    assert (result.best[0][270, 230] == GREEN).all()
    assert (result.best[1][270, 230] == (205, 0, 0)).all()


def test_a_bare_face_comes_back_untouched():
    stages = FakeStages([(100, 100)], [0.1])

    result = run(unmask(grey_photo(), stages, Options()))

    assert not result.changed
    assert "paint" not in stages.calls
    np.testing.assert_array_equal(result.pixels, grey_photo().pixels)


def test_with_a_reference_both_results_come_back():
    stages = FakeStages([(100, 100)], [0.1, 0.9])  # the reference is checked first

    result = run(unmask(grey_photo(), stages, Options(), reference=grey_photo()))

    assert (result.painted[270, 230] == RED).all()
    assert (result.pixels[270, 230] == GREEN).all()


@pytest.mark.parametrize(
    ("shifts", "probabilities", "message"),
    [
        ([], [], "no face"),
        ([(0, 0), (300, 300)], [0.1, 0.1], "2 faces"),
        ([(100, 100)], [0.9], "wears a mask"),
    ],
)
def test_a_reference_that_is_not_one_bare_face_is_refused(shifts, probabilities, message):
    stages = FakeStages(shifts, probabilities)

    with pytest.raises(ReferencePhotoError, match=message):
        run(unmask(grey_photo(), stages, Options(), reference=grey_photo()))
    assert "paint" not in stages.calls


def test_a_photo_without_a_face_is_refused():
    with pytest.raises(NoFaceError):
        run(unmask(grey_photo(), FakeStages([]), Options()))


def test_no_face_is_an_empty_list_when_only_faces_are_asked_for():
    assert run(find_faces(grey_photo(), FakeStages([]), Options())) == []


def test_a_sure_face_without_a_mask_is_found():
    class Nothing(FakeStages):
        async def find_mask(self, face):
            return MaskFinding(np.zeros((256, 256), bool), 0.0)

    (found,) = run(find_masks(grey_photo(), Nothing([(100, 100)]), Options())).faces

    assert not found.finding.mask.any()


class Unsure(FakeStages):
    """Gives the second face a low score."""

    async def detect(self, thumb):
        first, second = await super().detect(thumb)
        return [first, Face(second.box, 0.35, second.points)]


@pytest.mark.parametrize(("probability", "faces"), [(0.99, 2), (0.8, 1), (0.1, 1)])
def test_a_doubtful_find_counts_if_it_clearly_wears_a_mask(probability, faces):
    stages = Unsure([(0, 0), (350, 350)], [0.9, probability])

    # One at a time, so that the second probability is the second face's.
    found = run(find_masks(grey_photo(), stages, Options(at_once=1))).faces

    assert len(found) == faces


def test_a_doubtful_find_counts_if_it_is_named():
    stages = Unsure([(0, 0), (350, 350)], [0.8])

    assert len(run(find_masks(grey_photo(), stages, Options(faces=(1,)))).faces) == 1


def test_the_largest_face_is_the_largest_of_those_that_count():
    stages = Unsure([(0, 0), (350, 350)], [0.8, 0.9])  # the second is larger, but doubtful

    (found,) = run(find_masks(grey_photo(), stages, Options(faces="largest"))).faces

    assert found.index == 0
    assert stages.calls.count("mask") == 2


def test_each_face_says_what_it_is_called():
    stages = Unsure([(0, 0), (350, 350)], [0.99, 0.99])

    found = run(find_masks(grey_photo(), stages, Options(faces=(1, 0)))).faces

    assert [one.index for one in found] == [1, 0]


def test_neighbours_are_not_painted_twice():
    class Wide(FakeStages):
        """Sees both masks in the frame of each face."""

        async def find_mask(self, face):
            mask = np.zeros((256, 256), bool)
            mask[130:200] = True
            return MaskFinding(mask, 0.99)

    result = run(unmask(grey_photo(), Wide([(50, 100), (230, 100)]), Options()))

    left, right = (face.hole for face in result.faces)
    claims = [np.zeros((256, 640), int) for _ in result.faces]
    claims[0][:, 50:306], claims[1][:, 230:486] = left, right
    assert left.any()
    assert right.any()
    assert (sum(claims) <= 1).all()


def test_a_drawn_mask_takes_the_place_of_the_found_one():
    stages = FakeStages([(100, 100)], [0.0])  # the mask net sees none
    drawn = drawn_mask((200, 280, 260, 290))

    result = run(unmask(grey_photo(), stages, Options(), drawn=drawn))

    red = (result.painted[..., 0] > 200) & (result.painted[..., 1] < 60)
    assert red[drawn].all()
    assert not red[:260].any()
    assert "mask" not in stages.calls


def test_only_faces_under_a_drawn_mask_are_painted():
    stages = FakeStages([(0, 0), (350, 350)])

    result = run(unmask(grey_photo(), stages, Options(), drawn=drawn_mask((430, 480, 530, 550))))

    assert [face.painted is not None for face in result.faces] == [False, True]


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (drawn_mask((0, 0, 9, 9), shape=(480, 640)), "640 x 480 px, the upright photo 640 x 640"),
        (drawn_mask(), "black"),
        (~drawn_mask(), "white all over"),
        (drawn_mask((600, 600, 640, 640)), "on no face"),
    ],
)
def test_a_drawn_mask_that_cannot_be_used_is_refused(mask, message):
    with pytest.raises(DrawnMaskError, match=message):
        run(unmask(grey_photo(), FakeStages([(100, 100)]), Options(), drawn=mask))


class LongMask(FakeStages):
    """Takes white for a mask, which the photo shows down to row 275 of the canonical frame."""

    async def find_mask(self, face):
        self.calls.append("mask")
        return MaskFinding(face.min(axis=2) > 250, self.probabilities[0])


def photo_with_a_long_mask(bottom):
    photo = grey_photo()
    photo.pixels[230:bottom, 180:280] = 255
    return photo


def test_a_mask_that_leaves_the_frame_below_is_found_to_its_end():
    stages = LongMask([(100, 100)])

    (found,) = run(find_masks(photo_with_a_long_mask(375), stages, Options())).faces

    mask = photo_mask([found], (640, 640))
    assert stages.calls.count("mask") == 2
    assert mask[372, 190:270].all()
    assert not mask[380:].any()


@pytest.mark.parametrize(("bottom", "probability"), [(340, 0.9), (375, 0.1)])
def test_a_mask_that_ends_in_the_frame_or_is_none_is_looked_at_once(bottom, probability):
    stages = LongMask([(100, 100)], [probability])

    run(find_masks(photo_with_a_long_mask(bottom), stages, Options()))

    assert stages.calls.count("mask") == 1


def test_faces_are_given_in_px_of_the_photo():
    stages = FakeStages([(500, 500)], photo_px=1280)

    face = run(find_faces(grey_photo(1280), stages, Options()))[0]

    np.testing.assert_allclose(face.points, CANONICAL + 500, atol=1.0)


@pytest.mark.parametrize(("faces", "edited"), [("all", 2), ("largest", 1), ((1,), 1), ((0, 1), 2)])
def test_only_the_chosen_faces_go_through_the_stages(faces, edited):
    stages = FakeStages([(0, 0), (350, 350)])

    run(unmask(grey_photo(), stages, Options(faces=faces)))

    assert stages.calls.count("paint") == edited


def test_a_face_that_is_not_there_is_named():
    with pytest.raises(BadRequestError, match="faces=7"):
        run(unmask(grey_photo(), FakeStages([(0, 0)]), Options(faces=(7,))))


def test_a_crowd_is_bounded():
    stages = FakeStages([(0, 0)] * 9)

    run(unmask(grey_photo(), stages, Options(max_faces=3)))

    assert stages.calls.count("mask") == 3


def test_faces_run_side_by_side_but_not_all_at_once():
    class Slow(FakeStages):
        inside = most = 0

        async def paint(self, face, hole, wish):
            self.inside += 1
            self.most = max(self.most, self.inside)
            await asyncio.sleep(0.02)
            self.inside -= 1
            return await super().paint(face, hole, wish)

    stages = Slow([(0, 0)] * 6)

    run(unmask(grey_photo(), stages, Options(at_once=2)))

    assert stages.most == 2


def test_an_error_stops_the_faces_that_have_not_started():
    class Failing(FakeStages):
        async def paint(self, face, hole, wish):
            self.calls.append("paint")
            await asyncio.sleep(0.01)
            raise NoFaceError("on purpose")

    stages = Failing([(0, 0)] * 8)

    with pytest.raises(NoFaceError, match="on purpose"):
        run(unmask(grey_photo(), stages, Options(at_once=1)))
    assert stages.calls.count("paint") <= 2  # one more may already have started


def test_the_masks_of_all_faces_come_as_one_picture():
    stages = FakeStages([(0, 0), (350, 300)])
    found = run(find_masks(grey_photo(), stages, Options())).faces

    mask = photo_mask(found, (640, 640))

    assert mask[135:195, 85:175].all()
    assert mask[435:495, 435:525].all()
    assert mask.sum() == pytest.approx(2 * 70 * 100, rel=0.05)


def test_the_clock_knows_each_stage():
    clock = Clock()

    run(unmask(grey_photo(), FakeStages([(100, 100)]), Options(), clock=clock))

    assert set(clock.seconds) == {"thumb", "crop", "mask", "inpaint", "paste"}


@pytest.mark.parametrize(("enlarged", "side"), [(1, 256), (2, 512)])
def test_a_reference_is_cut_as_finely_as_its_photo_shows_it(enlarged, side):
    seen = []

    class Watching(FakeStages):
        async def swap(self, painted, hole, reference):
            seen.append(reference.face.shape)
            return await super().swap(painted, hole, reference)

        async def detect(self, thumb):
            faces = await super().detect(thumb)
            own = self.calls.count("detect") == 1  # the reference comes first
            scale = enlarged if own else 1
            return [Face(f.box * scale, f.score, f.points * scale) for f in faces]

    stages = Watching([(20, 20)], [0.1, 0.9], THUMB_PX)

    photo = grey_photo(THUMB_PX)
    run(unmask(photo, stages, Options(), photo))

    assert seen == [(side, side, 3)]


def test_one_masked_face_beside_a_bare_one_is_a_change():
    stages = FakeStages([(0, 0), (350, 350)], [0.9, 0.1])

    assert run(unmask(grey_photo(), stages, Options())).changed
