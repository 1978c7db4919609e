"""Lists that people write: what is wrong with one is said with its path."""

import pytest

from models.training.crop.verdicts import VerdictsError, read_verdicts
from models.training.csv_rows import read_rows
from models.training.evaluation.folder import EvalFolderError, read_pairs
from models.training.refused import read_refused
from models.training.sources import SourceError


@pytest.mark.parametrize(
    ("read", "error"),
    [
        (lambda path: read_pairs(path.parent), EvalFolderError),
        (read_verdicts, VerdictsError),
        (lambda path: read_refused(str(path)), SourceError),
    ],
)
def test_a_list_that_is_not_in_utf8_is_named(tmp_path, read, error):
    path = tmp_path / "index.csv"
    path.write_bytes("id,name\ncafé,a\n".encode("latin-1"))

    with pytest.raises(error, match=rf"{path} can't be read .*: save it as CSV in UTF-8"):
        read(path)


def test_what_a_short_row_lacks_is_empty(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("why,name\nbad\n\nbad,a\n")

    rows = [{"why": "bad", "name": ""}, {"why": "bad", "name": "a"}]
    assert read_rows(path, SourceError) == (["why", "name"], rows)


def test_a_refused_face_without_a_name_is_none(tmp_path):
    path = tmp_path / "refused.csv"
    path.write_text("why,name\nbad\nbad,worn/a\n")

    assert read_refused(str(path)) == {"worn/a"}


def test_a_short_row_of_verdicts_is_named(tmp_path):
    path = tmp_path / "verdicts.csv"
    path.write_text("verdict,photo,x0,y0,x1,y1\nface,a,1,2\n")

    with pytest.raises(VerdictsError, match=f"{path}: .* needs four numbers"):
        read_verdicts(path)


def test_a_row_of_an_index_without_its_id_is_refused(tmp_path):
    (tmp_path / "index.csv").write_text("source,id\nhere,a\nhere\n")

    with pytest.raises(EvalFolderError, match=r"index\.csv needs a column 'id' and a row with it"):
        read_pairs(tmp_path)
