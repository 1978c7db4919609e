import asyncio
import base64
import json
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from loadtest.http_client import Answer
from loadtest.judge import Judge, WrongAnswerError, make_judge
from tests.loadtest.doubles import answer_with, picture, workload
from tests.loadtest.small_server import raw, serving


def encoded(image: Image.Image) -> bytes:
    out = BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def judge_for(answer: bytes, faces: int = 1) -> Judge:
    async def behaviour(_number: int, _body: bytes) -> bytes:
        return answer

    with serving(behaviour) as server:
        return asyncio.run(make_judge(server.url, workload(faces)))


def test_the_first_answer_must_have_exactly_its_faces():
    with pytest.raises(WrongAnswerError, match="5 faces instead of 6"):
        judge_for(answer_with(5, picture()), faces=6)


def test_the_first_answer_must_have_the_size_of_the_photo():
    with pytest.raises(WrongAnswerError, match="32 x 32"):
        judge_for(answer_with(1, encoded(Image.new("RGB", (32, 32)))))


def test_of_a_json_only_changed_faces_count():
    content = {
        "faces": [{"changed": True}, {"changed": False}],
        "painted": {"base64": base64.b64encode(picture()).decode()},
        "swapped": None,
    }
    answer = raw(body=json.dumps(content).encode())

    assert judge_for(answer, faces=1)
    with pytest.raises(WrongAnswerError):
        judge_for(answer, faces=2)


def test_the_same_bytes_are_right():
    judge = judge_for(answer_with(1, picture()))

    assert judge.check(0, Answer(200, {}, picture())) == ""
    judge.settle()


def test_a_picture_that_differs_by_rounding_is_right():
    judge = judge_for(answer_with(1, picture()))
    noise = np.asarray(Image.open(BytesIO(picture()))).copy()
    noise[0, 0] += 4  # changes one pixel slightly
    judge.check(0, Answer(200, {}, encoded(Image.fromarray(noise))))

    judge.settle()


def with_a_patch(pixels: int) -> bytes:
    """A picture in which so many pixels are much brighter."""
    noise = np.asarray(Image.open(BytesIO(picture()))).copy()
    noise.reshape(-1, 3)[:pixels] += 55
    return encoded(Image.fromarray(noise))


def test_a_small_patch_of_another_picture_aborts_the_run():
    judge = judge_for(answer_with(1, picture()))
    judge.check(0, Answer(200, {}, with_a_patch(12)))  # 12 of 4096: on average 0.16 brighter

    with pytest.raises(WrongAnswerError, match=r"mean difference 0\.16"):
        judge.settle()


def test_a_picture_of_another_size_aborts_the_run():
    judge = judge_for(answer_with(1, picture()))
    smaller = Image.open(BytesIO(picture())).crop((0, 0, 64, 1))
    judge.check(0, Answer(200, {}, encoded(smaller)))

    with pytest.raises(WrongAnswerError, match=r"\(1, 64, 3\) instead of \(64, 64, 3\)"):
        judge.settle()


@pytest.mark.parametrize("other", [picture(brighter=6), picture(seed=1)])
def test_another_picture_aborts_the_run(other):
    judge = judge_for(answer_with(1, picture()))
    judge.check(0, Answer(200, {}, other))

    with pytest.raises(WrongAnswerError, match="another picture"):
        judge.settle()


def test_an_answer_with_a_face_less_is_wrong_at_once():
    judge = judge_for(answer_with(6, picture()), faces=6)

    assert "5 faces" in judge.check(0, Answer(200, {"x-faces-changed": "5"}, picture()))


def test_a_face_that_was_found_and_left_as_it_is_does_not_count():
    judge = judge_for(answer_with(1, picture()))
    headers = {"x-faces": "2", "x-faces-changed": "1"}

    assert judge.check(0, Answer(200, headers, picture())) == ""


def test_answers_put_aside_are_bounded():
    judge = judge_for(answer_with(1, picture()))
    problems = [judge.check(0, Answer(200, {}, b"%d" % number)) for number in range(40)]

    assert problems[0] == ""
    assert "too many" in problems[-1]
