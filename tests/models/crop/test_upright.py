import asyncio

import numpy as np
import pytest
from PIL import Image as PilImage

from models.checkpoint import load_manifest
from models.crop.detect import Face, detect_faces, load_detector
from models.crop.frame import fit_frame
from models.crop.upright import (
    TURN_REFERENCE_BELOW,
    find_any_way_up,
    is_upside_down,
    may_be_upside_down,
    rotated,
    rotated_back,
    rotation_score,
    with_upside_down,
)
from models.photo.decode import Photo
from models.pipeline import Options, find_faces
from serve_graph import PROJECT

SHAPE = (80, 100, 3)
PLAIN, WIDE = (40, 20, 60, 50), (40, 20, 70, 50)


class Finder:
    """Finds a face with a given score in each rotation of a thumb whose first pixel is marked."""

    def __init__(self, scores, box=PLAIN, second_look="upright"):
        self.scores, self.box, self.second_look = scores, box, second_look
        self.seen = []

    async def detect(self, thumb):
        if thumb.shape[:2] == (96, 192):
            self.seen.append("both ways")
            x = 20 if self.second_look == "upright" else 116
            return [face((x, 20, x + 56, 76), 0.7)]
        corners = [thumb[0, 0, 0], thumb[-1, 0, 0], thumb[-1, -1, 0], thumb[0, -1, 0]]
        quarters = int(np.argmax(corners))
        self.seen.append(quarters)
        score = self.scores[quarters]
        return [face(self.box, score)] if score else []


def face(box, score=0.7, points=None):
    points = np.zeros((5, 2)) if points is None else points
    return Face(np.array(box, np.float32), score, np.array(points, np.float32))


def find(finder, **options):
    thumb = np.zeros(SHAPE, np.uint8)
    thumb[0, 0] = 255
    return asyncio.run(find_any_way_up(thumb, finder.detect, asyncio.to_thread, **options))


def test_a_plain_find_is_taken_at_once():
    finder = Finder([0.74, 0, 0.9, 0])

    assert find(finder)[0].score == 0.74
    assert finder.seen == [0]


@pytest.mark.parametrize(("first", "best"), [(0, 1), (0.45, 3), (0.54, 2)])
def test_where_little_is_found_the_best_turn_is_taken(first, best):
    scores = [first, 0, 0, 0]
    scores[best] = 0.7
    finder = Finder(scores)

    found = find(finder)

    assert finder.seen == [0, 1, 2, 3]
    assert found[0].score == 0.7
    moved = {1: (49, 40, 79, 60), 2: (39, 29, 59, 59), 3: (20, 19, 50, 39)}[best]
    assert found[0].box.tolist() == list(moved)


def test_a_turn_that_is_hardly_better_changes_nothing():
    assert find(Finder([0.5, 0.505, 0.505, 0.505]))[0].box.tolist() == list(PLAIN)


def test_a_doubtful_find_is_looked_at_again_and_stays_if_that_says_so():
    finder = Finder([0.7, 0, 0.8, 0], WIDE)

    assert find(finder)[0].score == 0.7
    assert finder.seen == [0, "both ways"]


def test_a_find_that_is_upside_down_is_found_anew():
    finder = Finder([0.7, 0.9, 0.72, 0.9], WIDE, "upside down")

    assert find(finder)[0].score == 0.72
    assert finder.seen == [0, "both ways", 2]


def test_a_second_look_alone_turns_nothing():
    assert find(Finder([0.7, 0, 0.65, 0], WIDE, "upside down"))[0].score == 0.7


def test_a_reference_is_turned_where_a_photo_is_not():
    scores = [0.6, 0, 0.75, 0]

    assert find(Finder(scores, (40, 20, 55, 50)))[0].score == 0.6
    again = find(Finder(scores, (40, 20, 55, 50)), turn_below=TURN_REFERENCE_BELOW)
    assert again[0].score == 0.75


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_a_face_of_a_turned_picture_goes_back_to_its_px(quarters):
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[5:15, 20:40] = 1  # the box
    picture[7, 33] = 2  # a point
    there = rotated(picture, quarters)[..., 0]
    (top, *_, bottom), (left, *_, right) = (np.unique(axis) for axis in np.nonzero(there))
    point = np.argwhere(there == 2)[0][::-1]

    back = rotated_back(
        face((left, top, right, bottom), 0.6, np.tile(point, (5, 1))), quarters, picture.shape
    )

    assert back.box.tolist() == [20, 5, 39, 14]
    assert back.points.tolist() == [[33, 7]] * 5
    assert back.score == 0.6


@pytest.mark.parametrize(
    ("box", "score", "doubtful"),
    [((0, 0, 77, 100), 0.75, False), ((0, 0, 90, 100), 0.75, True), ((0, 0, 77, 100), 0.6, True)],
)
def test_a_wide_or_unsure_find_gets_a_second_look(box, score, doubtful):
    assert may_be_upside_down(face(box, score)) is doubtful


def test_a_second_look_shows_the_face_both_ways():
    thumb = np.full((300, 300, 3), 50, np.uint8)
    thumb[100:140, 150:230] = 200  # the upper half of a face of 80 x 80 px

    shown = with_upside_down(thumb, face((150, 100, 230, 180)))[..., 0]

    upright, on_its_head = np.split(shown, 2, axis=1)
    assert shown.shape == (96, 192)
    assert upright[25:46, 30:66].min() == 200 > 50 == upright[50:, 30:66].max()
    np.testing.assert_array_equal(on_its_head, upright[::-1, ::-1])


def test_beyond_the_photo_a_second_look_shows_no_mirror_image():
    thumb = np.full((50, 50, 3), 255, np.uint8)

    assert (with_upside_down(thumb, face((0, 0, 50, 50)))[0] == 114).all()


@pytest.mark.parametrize(
    ("found", "said"), [([], False), ([(20, 20, 76, 76)], False), ([(116, 20, 172, 76)], True)]
)
def test_the_best_find_of_a_second_look_tells(found, said):
    assert is_upside_down([face(box) for box in found]) is said


def test_one_sure_face_is_worth_more_than_two_doubtful_ones():
    sure, doubtful = face((0, 0, 1, 1), 0.7), face((0, 0, 1, 1), 0.5)

    assert (
        rotation_score([sure, doubtful])
        > rotation_score([sure])
        > rotation_score([doubtful, doubtful])
        > rotation_score([])
    )


@pytest.fixture(scope="module")
def detector():
    return load_detector(load_manifest(PROJECT / "weights"), "cpu")


@pytest.mark.parametrize("kind", ["surgical_blue", "cloth_plain", "n95_cup"])
@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_person_is_found_whichever_side_is_up(detector, kind, quarters):
    class Detecting:
        async def detect(self, thumb):
            return detect_faces(detector, [thumb])[0]

    with PilImage.open(PROJECT / "loadtest" / "people" / f"{kind}.webp") as picture:
        pixels = np.array(picture.convert("RGB"))

    def frame_of(quarters):
        photo = Photo(np.ascontiguousarray(np.rot90(pixels, quarters)), None, "png")
        return fit_frame(asyncio.run(find_faces(photo, Detecting(), Options()))[0].points).astype(
            float
        )

    upright, lying = frame_of(0), frame_of(quarters)

    turn = np.round(np.linalg.solve(upright[:, :2], lying[:, :2]))
    cosine, sine = ((1, 0), (0, 1), (-1, 0), (0, -1))[quarters]
    assert turn.tolist() == [[cosine, -sine], [sine, cosine]]
