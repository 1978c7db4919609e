import asyncio

import numpy as np
import pytest
from PIL import Image as PilImage

from models.checkpoint import load_manifest
from models.clock import Clock
from models.crop.detect import Face, detect_faces, load_detector
from models.crop.frame import fit_frame
from models.crop.turns import TURN_REFERENCE_BELOW
from models.photo.decode import Photo
from models.pipeline import Options, find_faces
from models.upright import find_any_way_up
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


def face(box, score):
    return Face(np.array(box, np.float32), score, np.zeros((5, 2), np.float32))


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
        return fit_frame(
            asyncio.run(find_faces(photo, Detecting(), Options(), Clock()))[0].points
        ).astype(float)

    upright, lying = frame_of(0), frame_of(quarters)

    turn = np.round(np.linalg.solve(upright[:, :2], lying[:, :2]))
    cosine, sine = ((1, 0), (0, 1), (-1, 0), (0, -1))[quarters]
    assert turn.tolist() == [[cosine, -sine], [sine, cosine]]
