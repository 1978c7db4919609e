import cv2
import numpy as np
import pytest

from models.training.drawing import KINDS
from models.training.evaluation.folder import read_landmarks, read_pairs
from models.training.pictures import read_mask
from models.training.synth import Subject, TripleFolder, draw_kinds, draw_triple
from tests.models.training.drawing.test_wear_mask import face, layout


def subject(name="one", labelled=False):
    return Subject(name, "here", face(96), layout(96), labelled)


def test_a_face_gets_a_mask_of_the_wanted_kind():
    triple = draw_triple(subject(), ["kf94"], np.random.default_rng(0))

    assert triple.kind == "kf94"
    assert triple.mask.any()


def test_a_folder_of_triples_can_be_evaluated(tmp_path):
    one = subject("a/1", labelled=True)
    triple = draw_triple(one, KINDS, np.random.default_rng(1))
    with TripleFolder(tmp_path) as triples:
        triples.add(one, triple)

    (case,) = read_pairs(tmp_path)
    assert (case.source, case.kind) == ("here", triple.kind)
    np.testing.assert_array_equal(read_mask(case.mask), triple.mask)
    np.testing.assert_array_equal(cv2.imread(case.photo)[..., ::-1], triple.masked)
    np.testing.assert_allclose(read_landmarks(tmp_path)[case.id], layout(96))


def test_guessed_landmarks_are_no_truth(tmp_path):
    with TripleFolder(tmp_path) as triples:
        triples.add(subject(), draw_triple(subject(), KINDS, np.random.default_rng(0)))

    assert read_landmarks(tmp_path) == {}


def test_a_folder_with_triples_is_not_written_over(tmp_path):
    with TripleFolder(tmp_path) as triples:
        triples.add(subject(), draw_triple(subject(), KINDS, np.random.default_rng(0)))

    with pytest.raises(FileExistsError), TripleFolder(tmp_path):
        pass


@pytest.mark.parametrize("there", [False, True])
def test_without_a_triple_a_folder_is_left_as_it_was(tmp_path, there):
    out = tmp_path / "out"
    if there:
        out.mkdir()

    with TripleFolder(out):
        pass

    assert out.exists() == there
    assert not list(out.glob("*"))


def test_a_sheet_has_a_row_for_each_kind_and_a_column_for_each_face():
    sheet = draw_kinds([subject(), subject("two")], ["kf94", "printed", "n95_cup"])

    assert sheet.shape == (3 * 256, 2 * 256, 3)
