"""Errors as problem details."""

import json
import pickle

import pytest

from models.errors import NoFaceError
from serve_graph.problems import BusyError, FieldProblem, FieldsError, NotReadyError, problem_of


def content_of(error):
    return json.loads(problem_of(error, "r-1").body)


def test_a_problem_has_the_members_of_rfc_9457():
    assert content_of(NoFaceError("Nobody here.")) == {
        "type": "/problems/no-face",
        "title": "No face found",
        "status": 422,
        "detail": "Nobody here.",
        "instance": "r-1",
    }


@pytest.mark.parametrize(("seconds", "header"), [(0.2, "1"), (1, "1"), (2.5, "3")])
def test_a_503_tells_whole_seconds(seconds, header):
    for error in (BusyError(seconds), NotReadyError({"mask": False}, seconds)):
        assert problem_of(error, "r-1").headers["retry-after"] == header


def test_fields_are_named():
    error = FieldsError([FieldProblem(field="quality", detail="Too high.")])

    assert content_of(error)["errors"] == [{"field": "quality", "detail": "Too high."}]


@pytest.mark.parametrize(
    "error",
    [
        BusyError(2.0),
        NotReadyError({"mask": False}, 2.0),
        FieldsError([FieldProblem(field="a", detail="b")]),
    ],
)
def test_errors_survive_a_trip_between_processes(error):
    assert content_of(pickle.loads(pickle.dumps(error))) == content_of(error)
