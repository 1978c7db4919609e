"""Errors as problem details."""

import json
import pickle

import pytest

from models.errors import NoFaceError
from serve_graph.problems import BusyError, FieldProblem, FieldsError, NotReadyError, problem_of


def content_of(error):
    return json.loads(problem_of(error, "r-1", 1.0).body)


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
    for error in (BusyError(), NotReadyError({"mask": False})):
        assert problem_of(error, "r-1", seconds).headers["retry-after"] == header


def test_a_full_service_says_when_to_come_again():
    assert content_of(BusyError())["detail"] == "Too many requests at once: try again in 1 s."


def test_fields_are_named():
    error = FieldsError([FieldProblem(field="quality", detail="Too high.")])

    assert content_of(error)["errors"] == [{"field": "quality", "detail": "Too high."}]


@pytest.mark.parametrize(
    "error",
    [
        BusyError(),
        NotReadyError({"mask": False}),
        FieldsError([FieldProblem(field="a", detail="b")]),
    ],
)
def test_errors_survive_a_trip_between_processes(error):
    assert content_of(pickle.loads(pickle.dumps(error))) == content_of(error)
