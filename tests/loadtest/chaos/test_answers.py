import asyncio
import base64
import json
from dataclasses import replace

import pytest

from loadtest.chaos.answers import VERSION_HEADER, Exam
from loadtest.http_client import Answer
from loadtest.judge import WrongAnswerError
from loadtest.open_loop import Outcome
from tests.loadtest.doubles import picture, workload
from tests.loadtest.small_server import serving

PHOTOS = replace(workload(), photos=workload().photos * 4)


def answer_json(shown: bytes, faces: int = 1, version: str = "v1") -> bytes:
    content = {
        "faces": [{"changed": True}] * faces,
        "painted": {"base64": base64.b64encode(shown).decode()},
        "swapped": None,
    }
    body = json.dumps(content).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n{VERSION_HEADER}: {version}\r\n\r\n"
    return head.encode() + body


def learn(exam: Exam, message: bytes) -> str:
    async def behaviour(_number: int, _body: bytes) -> bytes:
        return message

    with serving(behaviour) as server:
        return asyncio.run(exam.learn(server.url))


def settle(exam: Exam, *bodies: bytes) -> list[str]:
    outcomes = []
    for index, body in enumerate(bodies):
        assert exam.check(index, Answer(200, {VERSION_HEADER: "v1"}, body)) == ""
        outcomes.append(Outcome(index, 0.0, 0.0, 0.1, 200))
    return [one.problem for one in exam.settle(outcomes)]


def test_the_picture_that_was_given_at_leisure_is_right():
    exam = Exam(PHOTOS)

    assert learn(exam, answer_json(picture())) == "v1"
    assert settle(exam, picture()) == [""]


def test_another_picture_is_wrong_and_only_that():
    exam = Exam(PHOTOS)
    learn(exam, answer_json(picture()))
    first, second, third = settle(exam, picture(), picture(seed=1), b"no picture")

    assert first == ""
    assert "another picture" in second
    assert third


def test_of_two_versions_both_pictures_are_right_and_no_other():
    exam = Exam(PHOTOS)
    learn(exam, answer_json(picture()))
    learn(exam, answer_json(picture(seed=1), version="v2"))

    first, second, third = settle(exam, picture(), picture(seed=1), picture(seed=2))

    assert (first, second) == ("", "")
    assert "another picture" in third


def test_a_service_that_misses_a_face_is_not_measured():
    with pytest.raises(WrongAnswerError, match="0 faces"):
        learn(Exam(PHOTOS), answer_json(picture(), faces=0))


def test_lost_requests_stay_as_they_are():
    lost = Outcome(0, 0.0, 0.0, 1.0, 0, "refused")

    assert Exam(PHOTOS).settle([lost]) == [lost]


def test_one_request_in_four_has_a_reference():
    exam = Exam(PHOTOS)

    assert [b'name="reference"' in exam.message(index) for index in range(8)] == [
        *[False] * 3, True, *[False] * 3, True,
    ]  # fmt: skip
    assert [exam.has_reference(index) for index in range(4)] == [False] * 3 + [True]
