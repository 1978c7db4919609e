import pytest

from loadtest.shapes import SHAPES, users_at

USERS, SECONDS = 100, 60.0


def course(shape: str) -> list[int | None]:
    """Users at each second."""
    return [users_at(shape, float(second), USERS, SECONDS) for second in range(int(SECONDS))]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_has_between_one_and_all_users_and_ends_with_its_time(shape):
    assert all(1 <= users <= USERS for users in course(shape))
    assert users_at(shape, SECONDS, USERS, SECONDS) is None


def test_steady_has_all_users_from_the_start():
    assert set(course("steady")) == {USERS}


def test_a_ramp_never_falls_and_gets_near_all():
    users = course("ramp")

    assert users == sorted(users)
    assert (users[0], users[-1]) == (1, 98)


def test_a_spike_comes_at_once_and_goes_again():
    users = course("spike")

    assert users[:24] == [20] * 24
    assert users[24:36] == [USERS] * 12
    assert users[36:] == [20] * 24


def test_two_days_have_two_noons_and_nights_between():
    users = course("diurnal")

    assert (users[0], users[15], users[30], users[45]) == (10, USERS, 10, USERS)
