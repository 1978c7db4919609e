import pytest

from serve_graph.face_choice import parse_face_choice


def test_a_space_may_follow_a_comma():
    assert parse_face_choice("0, 12,3") == (0, 12, 3)
    with pytest.raises(ValueError, match="up to 32 numbers"):
        parse_face_choice("0 12")


def test_the_refusal_of_too_many_numbers_says_how_many_may_be_sent():
    most = ",".join(["0"] * 32)

    assert parse_face_choice(most) == (0,)
    with pytest.raises(ValueError, match="up to 32 numbers"):
        parse_face_choice(f"{most},0")
