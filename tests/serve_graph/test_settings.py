import pytest
from pydantic import ValidationError

from serve_graph import PROJECT
from serve_graph.settings import GraphArgs


def test_an_unknown_arg_is_refused():
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        GraphArgs.model_validate({"wights": "weights"})


def test_relative_weights_lie_in_the_project():
    assert GraphArgs().weights_folder == PROJECT / "weights"


def test_absolute_weights_stay_where_they_are(tmp_path):
    assert GraphArgs(weights=tmp_path).weights_folder == tmp_path


def test_the_embedded_landmarker_needs_no_folder():
    assert GraphArgs().fan_folder is None


def test_face_alignments_weights_lie_in_the_project():
    args = GraphArgs(landmarks="face-alignment")

    assert args.fan_folder == PROJECT / "weights" / "fan"
